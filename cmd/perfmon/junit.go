package main

import (
	"encoding/xml"
	"fmt"
	"os"
	"time"

	"github.com/backend-prs/perfmon/cmd/perfmon/internal/text"
)

// junitSuites is JUnit XML as continuous integration reads it.
type junitSuites struct {
	XMLName xml.Name   `xml:"testsuites"`
	Suite   junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name      string      `xml:"name,attr"`
	Tests     int         `xml:"tests,attr"`
	Failures  int         `xml:"failures,attr"`
	Errors    int         `xml:"errors,attr"`
	Seconds   string      `xml:"time,attr"`
	Timestamp string      `xml:"timestamp,attr"`
	Cases     []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Seconds string        `xml:"time,attr"`
	Failure *junitMessage `xml:"failure,omitempty"`
	Error   *junitMessage `xml:"error,omitempty"` // it could not be told
	Output  string        `xml:"system-out,omitempty"`
}

type junitMessage struct {
	Message string `xml:"message,attr"`
}

// writeJUnit writes a file that names each check.
func (a *app) writeJUnit(name string, list []judged, x *inspection) (err error) {
	suite := junitSuite{
		Name: "perfmon", Tests: len(list), Timestamp: x.began.UTC().Format("2006-01-02T15:04:05"),
		Seconds: fmt.Sprintf("%.3f", a.clock.Now().Sub(x.began).Round(time.Millisecond).Seconds()),
	}
	for _, j := range list {
		c := junitCase{Class: "perfmon." + text.Clean(x.service), Name: text.Clean(j.Name), Seconds: "0"}
		message := &junitMessage{text.Clean(j.Detail)}
		switch j.Status {
		case "ok":
			c.Output = message.Message
		case "fail":
			c.Failure = message
			suite.Failures++
		default:
			c.Error = message
			suite.Errors++
		}
		suite.Cases = append(suite.Cases, c)
	}
	data, err := xml.MarshalIndent(junitSuites{Suite: suite}, "", "  ")
	if err != nil {
		return err
	}
	data = append([]byte(xml.Header), append(data, '\n')...)
	if name == "-" {
		_, err := a.out.Write(data)
		return err
	}
	return os.WriteFile(name, data, 0o644)
}

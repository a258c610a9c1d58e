package main

import (
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

func (a *app) man() *cobra.Command {
	cmd := a.verb("man", "The manual page", `
Prints the manual page of perfmon. With --dir it writes one page for perfmon and one for each verb.`,
		"man | man -l -", "man --dir /usr/local/share/man/man1")
	dir := cmd.Flags().String("dir", "", "`folder` to write all pages to")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		date, err := a.buildDate()
		if err != nil {
			return err
		}
		header := &doc.GenManHeader{Title: "PERFMON", Section: "1", Source: "perfmon", Manual: "perfmon", Date: &date}
		root := cmd.Root()
		root.DisableAutoGenTag = true
		if *dir == "" {
			return doc.GenMan(root, header, a.out)
		}
		header.Title = "" // each page has its own
		return doc.GenManTree(root, header, *dir)
	}
	return cmd
}

// buildDate is the date of pages: SOURCE_DATE_EPOCH where it is set, so that pages can
// be made anew byte for byte, else now.
func (a *app) buildDate() (time.Time, error) {
	epoch := a.getenv("SOURCE_DATE_EPOCH")
	if epoch == "" {
		return a.clock.Now(), nil
	}
	seconds, err := strconv.ParseInt(epoch, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH: %q is not valid: want a number of seconds", epoch)
	}
	return time.Unix(seconds, 0).UTC(), nil
}

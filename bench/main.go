package main

import (
	"flag"
	"fmt"
	"time"
)

func main() {
	rounds := flag.Int("rounds", 200, "")
	n := flag.Int("n", 99, "")
	only := flag.String("only", "", "")
	flag.Parse()
	if *only == "answers" {
		fmt.Print(answers(false))
		return
	}
	if *only == "steps" {
		fmt.Print(steps(false))
		return
	}
	ballast := make([][]byte, 1024)
	for i := range ballast {
		ballast[i] = make([]byte, 64<<10)
	}
	list := requestPath()
	list = list[:min(len(list), *n)]
	s := compare(list, 1, *rounds, time.Millisecond)
	p := compare(list, 2, *rounds, time.Millisecond)
	for i, c := range list {
		fmt.Printf("%-55s %7.1f %6.2f [%.2f %.2f]   %7.1f %6.2f [%.2f %.2f]\n", c.name, s[i].ns, s[i].ratio, s[i].low, s[i].high, p[i].ns, p[i].ratio, p[i].low, p[i].high)
	}
	_ = ballast[5][6]
}

package main

import (
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/backend-prs/perfmon/cmd/perfmon/internal/target"
)

// root is the command with all of its verbs.
func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "perfmon",
		Short: "How a service is, and how it is watched",
		Long: paragraphs(`perfmon asks a running service, which package perfmon monitors, how it is, and changes how it is
watched. It also analyzes series of numbers in CSV files, which needs no service.

The server and its token come from --url and --token, or from --env, which names an environment
of the configuration file; else from PERFMON_URL and PERFMON_TOKEN; else from PERFMON_ENV; else from
the default environment of the file. Without any it asks http://localhost:8080.

The configuration file is perfmon/config.yaml in the folder for configuration ($XDG_CONFIG_HOME,
~/.config on Linux), or what --config or PERFMON_CONFIG names:

    default: staging
    environments:
      staging:
        url: https://staging.example.com
        token_file: staging.token  # or token, or token_env
      production:
        url: https://example.com/ops/performance/
        token_env: PRODUCTION_TOKEN  # the name of a variable

Exit codes: 0 fine, 1 warning, 2 critical, 3 could not tell or could not do.`),
		Example: `  perfmon status
  perfmon watch --env staging
  perfmon alerts --severity=critical --active-only
  perfmon check --minutes 10 'response_time_p95<0.5' 'error_rate<1%'
  perfmon analyze latency.csv`,
		Version:       version(),
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },

		PersistentPreRunE: a.check,
	}
	root.SetVersionTemplate("perfmon {{.Version}}\n")
	root.CompletionOptions.DisableDefaultCmd = true // completion.go has it, with examples
	root.SetHelpCommand(&cobra.Command{Hidden: true, GroupID: "files"})
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), "Flags.FlagUsages ", fmt.Sprintf("Flags.FlagUsagesWrapped %d ", helpWidth)))
	f := root.PersistentFlags()
	f.SortFlags = false
	f.StringVar(&a.server.URL, "url", "", "`address` of the service, with the path of the API where that is another than the usual one")
	f.StringVar(&a.server.Token, "token", "", "bearer `token` of the API; others on this machine may see it, which PERFMON_TOKEN and the file keep from them")
	f.StringVar(&a.server.Env, "env", "", "`name` of an environment of the configuration file")
	f.StringVar(&a.server.File, "config", "", "configuration `file`")
	f.StringVar(&a.format, "output-format", "text", "`format`: text, json (as the API has it) or csv, where there is a table")
	f.BoolVar(&a.wide, "wide", false, "show all columns, and cut nothing")
	f.DurationVar(&a.timeout, "timeout", 30*time.Second, "how long a call may take, a `duration`")
	a.complete(root, "output-format", func() []string { return []string{"text", "json", "csv"} })
	a.complete(root, "env", func() []string { return target.Names(a.server, a.getenv) })

	service := &cobra.Group{ID: "service", Title: "How the service is:"}
	watching := &cobra.Group{ID: "watching", Title: "How it is watched:"}
	files := &cobra.Group{ID: "files", Title: "Without a service:"}
	root.AddGroup(service, watching, files)
	for group, list := range map[*cobra.Group][]*cobra.Command{
		service: {
			a.status(), a.dashboard(), a.watch(), a.health(), a.alerts(), a.endpoints(), a.series(), a.trends(), a.anomalies(), a.report(), a.checkVerb(),
		},
		watching: {
			a.thresholds(), a.silences(), a.notify(), a.baseline(), a.events(), a.metrics(), a.config(), a.diagnostics(), a.test(), a.session(), a.api(),
		},
		files: {a.analyze(), a.compare(), a.completion(), a.man()},
	} {
		for _, cmd := range list {
			cmd.GroupID = group.ID
			root.AddCommand(cmd)
		}
	}
	return root
}

// complete lets the shell complete a flag.
func (a *app) complete(cmd *cobra.Command, flag string, list func() []string) {
	err := cmd.RegisterFlagCompletionFunc(flag, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return list(), cobra.ShellCompDirectiveNoFileComp
	})
	if err != nil { // of a flag that is not there
		panic(err)
	}
}

// completeMetric lets the shell complete a flag with the metrics of the server.
func (a *app) completeMetric(cmd *cobra.Command, flag string) {
	a.complete(cmd, flag, func() []string { return a.metricNames(cmd) })
}

// version is that of the build.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(unknown)"
	}
	v := info.Main.Version
	if v == "" {
		v = "(devel)"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && v == "(devel)" {
			v = fmt.Sprintf("(devel) %.12s", s.Value)
		}
	}
	return v + " " + info.GoVersion
}

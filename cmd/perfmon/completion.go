package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func (a *app) completion() *cobra.Command {
	cmd := a.verb("completion SHELL", "Completion for bash, zsh, fish or PowerShell", `
Prints a script that completes verbs, flags, metrics and environments in a shell: bash, zsh, fish or powershell.`,
		"completion bash > /etc/bash_completion.d/perfmon", "completion zsh > \"${fpath[1]}/_perfmon\"",
		"completion fish > ~/.config/fish/completions/perfmon.fish")
	cmd.Args = cobra.ExactArgs(1)
	cmd.ValidArgs = []string{"bash", "zsh", "fish", "powershell"}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		root := cmd.Root()
		switch args[0] {
		case "bash":
			return root.GenBashCompletionV2(a.out, true)
		case "zsh":
			return root.GenZshCompletion(a.out)
		case "fish":
			return root.GenFishCompletion(a.out, true)
		case "powershell":
			return root.GenPowerShellCompletionWithDesc(a.out)
		}
		return fmt.Errorf("completion: %q is not valid: want bash, zsh, fish or powershell", args[0])
	}
	return cmd
}

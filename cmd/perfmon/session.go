package main

import (
	"github.com/spf13/cobra"

	"github.com/backend-prs/perfmon/cmd/perfmon/internal/text"
)

func (a *app) session() *cobra.Command {
	cmd := a.verb("session", "Who you are to the server", "Shows which server is asked, and as whom.", "session --env production")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := a.client()
		if err != nil {
			return err
		}
		s, err := c.Session(cmd.Context())
		if err != nil {
			return err
		}
		return a.show(s.Raw, a.clock.Now(), nil, func(p *text.Page) {
			role := "super admin"
			if !s.Body.SuperAdmin {
				role = "admin of the organization " + text.Clean(s.Body.Organization)
			}
			p.Line("%s, %s", text.Clean(s.Body.Name), role)
			p.Line("at %s", c.URL())
		})
	}
	return cmd
}

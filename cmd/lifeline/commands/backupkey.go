package commands

import (
	"fmt"
	"io"

	"filippo.io/age"
)

// keyBackupCmd makes a key for backups. The service knows its recipient alone.
type keyBackupCmd struct {
	secrets `embed:""`
	File    string `arg:"" type:"path" help:"File for the key, which must not exist yet."`
}

func (c *keyBackupCmd) Run(stdout io.Writer) error {
	recipient, err := c.ageKey(stdout, c.File, "backups")
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "The key is in %s. Keep it in a safe, with a copy elsewhere, and not on the service's machine: without "+
		"it, nobody opens the backups. Its recipient, for lifeline backup --recipient or LIFELINE_BACKUP_RECIPIENTS:\n%s\n",
		c.File, recipient)
	return nil
}

// keyDropsCmd makes a key for the reports that stations drop. Stations know its recipient alone.
type keyDropsCmd struct {
	secrets `embed:""`
	File    string `arg:"" type:"path" help:"File for the key, which must not exist yet."`
}

func (c *keyDropsCmd) Run(stdout io.Writer) error {
	recipient, err := c.ageKey(stdout, c.File, "drops")
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "The key is in %s, for lifeline drops read --identity. Its recipient, for lifeline mirror push --drops "+
		"and playout --drop-recipient:\n%s\n", c.File, recipient)
	return nil
}

// ageKey makes a key of age that opens something, in a new file, and returns its recipient.
func (s *secrets) ageKey(stdout io.Writer, file, what string) (*age.X25519Recipient, error) {
	key, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, err
	}
	text := fmt.Sprintf("# opens %s of Lifeline\n# public key: %s\n%s\n", what, key.Recipient(), key)
	if err := s.lock(file, []byte(text), 0, 1); err != nil {
		return nil, err
	}
	if s.Plain {
		fmt.Fprintf(stdout, "%s has no passphrase: whoever reads it can open the %s.\n", file, what)
	}
	return key.Recipient(), nil
}

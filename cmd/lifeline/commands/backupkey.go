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
	key, err := age.GenerateX25519Identity()
	if err != nil {
		return err
	}
	text := fmt.Sprintf("# opens backups of Lifeline\n# public key: %s\n%s\n", key.Recipient(), key)
	if err := c.lock(c.File, []byte(text), 0, 1); err != nil {
		return err
	}
	if c.Plain {
		fmt.Fprintf(stdout, "%s has no passphrase: whoever reads it can open the backups.\n", c.File)
	}
	fmt.Fprintf(stdout, "The key is in %s. Keep it in a safe, with a copy elsewhere, and not on the service's machine: without "+
		"it, nobody opens the backups. Its recipient, for lifeline backup --recipient or LIFELINE_BACKUP_RECIPIENTS:\n%s\n",
		c.File, key.Recipient())
	return nil
}

package commands

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"filippo.io/age"
	"filippo.io/age/armor"
	"golang.org/x/term"

	"lifeline/internal/fault"
	"lifeline/internal/secret"
	"lifeline/internal/service"
	"lifeline/internal/trust"
)

// secrets encrypts the files of root keys: with age, one passphrase per file.
type secrets struct {
	PassphraseFile []string `type:"existingfile" placeholder:"FILE" help:"File with the passphrase of a root key; may be repeated, one for each key. Default: ask for it."`
	Plain          bool     `help:"Leave the files of root keys without a passphrase."`
}

// passphraseWork is the scrypt work factor, log2 of N; age's default takes about a second per try.
var passphraseWork = 18

// leastPassphrase is the minimum length of a passphrase in bytes.
const leastPassphrase = 12

// passphrase returns the passphrase for the i-th of n keys, whose file has the given name.
func (s *secrets) passphrase(name string, i, n int, again bool) (string, error) {
	var words []byte
	switch {
	case len(s.PassphraseFile) == n || len(s.PassphraseFile) == 1:
		file := s.PassphraseFile[min(i, len(s.PassphraseFile)-1)]
		if err := secret.Check(file); err != nil {
			return "", err
		}
		b, err := trust.ReadFile(file)
		if err != nil {
			return "", err
		}
		words = bytes.TrimRight(b, "\r\n")
	case len(s.PassphraseFile) > 0:
		return "", fault.New(fault.Invalid, "--passphrase-file: give one for all the keys, or one for each: %d", n)
	default:
		if !term.IsTerminal(int(os.Stdin.Fd())) {
			return "", fault.New(fault.Invalid, "there is no terminal to ask for the passphrase of %s: give it by "+
				"--passphrase-file, or leave the key without one by --plain", name)
		}
		for tries := 1; ; tries++ {
			first, err := ask("Passphrase of " + name + ": ")
			if err != nil {
				return "", err
			}
			if words = first; !again {
				break
			}
			second, err := ask("Once more: ")
			if err != nil {
				return "", err
			}
			if bytes.Equal(first, second) {
				break
			}
			if tries == 3 {
				return "", fault.New(fault.Invalid, "the two differ")
			}
			fmt.Fprintln(os.Stderr, "The two differ. Try again.")
		}
	}
	if len(words) < leastPassphrase {
		return "", fault.New(fault.Invalid, "a passphrase has at least %d characters", leastPassphrase)
	}
	return string(words), nil
}

func ask(question string) ([]byte, error) {
	fmt.Fprint(os.Stderr, question)
	b, err := term.ReadPassword(int(os.Stdin.Fd()))
	fmt.Fprintln(os.Stderr)
	return b, err
}

// keep writes the i-th of n root keys into a file in dir, and returns the file's name.
func (s *secrets) keep(dir string, key ed25519.PrivateKey, i, n int, stdout io.Writer) (string, error) {
	name := filepath.Join(dir, "root-"+service.KeyID(key)+".rootkey")
	if s.Plain {
		fmt.Fprintf(stdout, "%s has no passphrase: whoever reads it can sign.\n", name)
	}
	return name, s.lock(name, keyText(key), i, n)
}

// lock writes the i-th of n secrets into a new file, encrypted with its passphrase unless it is to have none.
func (s *secrets) lock(name string, secret []byte, i, n int) error {
	if s.Plain {
		return writeFresh(name, secret)
	}
	words, err := s.passphrase(name, i, n, true)
	if err != nil {
		return err
	}
	lock, err := age.NewScryptRecipient(words)
	if err != nil {
		return err
	}
	lock.SetWorkFactor(passphraseWork)
	var b bytes.Buffer
	text := armor.NewWriter(&b)
	locked, err := age.Encrypt(text, lock)
	if err != nil {
		return err
	}
	if _, err := locked.Write(secret); err != nil {
		return err
	}
	if err := errors.Join(locked.Close(), text.Close()); err != nil {
		return err
	}
	return writeFresh(name, b.Bytes())
}

// rootKey reads the i-th of n root keys from its file.
func (s *secrets) rootKey(name string, i, n int) (ed25519.PrivateKey, error) {
	text, err := s.unlock(name, i, n)
	if err != nil {
		return nil, err
	}
	return parseKey(name, text)
}

// unlock reads the i-th of n secrets from its file, which may have a passphrase.
func (s *secrets) unlock(name string, i, n int) ([]byte, error) {
	b, err := trust.ReadFile(name)
	if err == nil && !bytes.HasPrefix(b, []byte(armor.Header)) {
		return b, secret.Check(name)
	}
	if err != nil {
		return nil, err
	}
	words, err := s.passphrase(name, i, n, false)
	if err != nil {
		return nil, err
	}
	key, err := age.NewScryptIdentity(words)
	if err != nil {
		return nil, err
	}
	open, err := age.Decrypt(armor.NewReader(bytes.NewReader(b)), key)
	if err != nil {
		return nil, fault.New(fault.Forbidden, "%s does not open with this passphrase: %v", name, err)
	}
	text, err := io.ReadAll(io.LimitReader(open, 4<<10))
	if err != nil {
		return nil, fault.New(fault.Invalid, "%s is damaged: %v", name, err)
	}
	return text, nil
}

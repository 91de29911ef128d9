// Package config is what the service can be told: by flags, by the environment (LIFELINE_…) or by a file. It is read
// once, at the start.
package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
)

// Serve is how the service runs.
type Serve struct {
	Data      string `help:"Directory of the embedded store, the audio and the signing key." default:"data" env:"LIFELINE_DATA" type:"path"`
	Listen    string `help:"Address to listen on." default:"127.0.0.1:8080" env:"LIFELINE_LISTEN"`
	PublicURL string `help:"Where stations reach the service; goes into the media URLs of queues. Default: the address it listens on." env:"LIFELINE_PUBLIC_URL"`
	MaxUpload int64  `help:"Largest recording, in bytes." default:"2147483648" env:"LIFELINE_MAX_UPLOAD"`
	Analysers int    `help:"Recordings analysed at once; 0 means one for each processor." default:"0" env:"LIFELINE_ANALYSERS"`
	Key       string `help:"File of the Ed25519 signing key, as 32 random bytes in base64. Default: signing.key in the data directory, made at the first start." env:"LIFELINE_SIGNING_KEY_FILE" type:"path"`
	LogJSON   bool   `help:"Log as JSON." env:"LIFELINE_LOG_JSON"`
}

// Check says everything that is wrong with the configuration, and fills in what follows from the rest.
func (s *Serve) Check() error {
	var wrong []error
	if _, _, err := net.SplitHostPort(s.Listen); err != nil {
		wrong = append(wrong, fmt.Errorf("--listen: %w", err))
	}
	if s.PublicURL != "" {
		if u, err := url.Parse(s.PublicURL); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			wrong = append(wrong, errors.New("--public-url: must be an http or https address such as https://lifeline.example"))
		}
	}
	if s.MaxUpload < 1 {
		wrong = append(wrong, errors.New("--max-upload: must be at least 1"))
	}
	if s.Analysers < 0 {
		wrong = append(wrong, errors.New("--analysers: must not be negative"))
	}
	if s.Analysers == 0 {
		s.Analysers = runtime.NumCPU()
	}
	if s.Key == "" {
		s.Key = filepath.Join(s.Data, "signing.key")
	}
	return errors.Join(wrong...)
}

// Store is the file of the embedded store.
func (s *Serve) Store() string { return filepath.Join(s.Data, "lifeline.db") }

// Audio is the directory of the recordings.
func (s *Serve) Audio() string { return filepath.Join(s.Data, "audio") }

// MakeData makes the data directory, for nobody else to read.
func (s *Serve) MakeData() error {
	if err := os.MkdirAll(s.Data, 0o700); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	return nil
}

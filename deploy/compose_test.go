package deploy

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// composeFile is what the tests look at in a compose file.
type composeFile struct {
	Services map[string]struct {
		Image       string
		User        string
		ReadOnly    bool     `yaml:"read_only"`
		CapDrop     []string `yaml:"cap_drop"`
		SecurityOpt []string `yaml:"security_opt"`
		Environment map[string]string
		Secrets     []string
		Volumes     []string
	}
	Volumes map[string]any
	Secrets map[string]any
}

func readCompose(t *testing.T, name string) (f composeFile) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("compose", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(b, &f); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return f
}

// variables returns the names of the environment variables that the flags of the service name.
func variables(t *testing.T) (names []string) {
	t.Helper()
	for _, pattern := range []string{"../internal/config/*.go", "../cmd/lifeline/commands/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, tag := range regexp.MustCompile(`env:"([A-Z0-9_]+)"`).FindAllStringSubmatch(string(b), -1) {
				names = append(names, tag[1])
			}
		}
	}
	return names
}

func TestComposeFilesRunLifelineWithoutPowersAndByVariablesThatItHas(t *testing.T) {
	known := variables(t)
	for name, replicas := range map[string]int{"one.yaml": 2, "replicas.yaml": 3} {
		f := readCompose(t, name)
		count := 0
		for service, s := range f.Services {
			if !strings.HasPrefix(s.Image, "${LIFELINE_IMAGE") {
				continue
			}
			count++
			if s.User != "65532:65532" || !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) ||
				!slices.Equal(s.SecurityOpt, []string{"no-new-privileges:true"}) {
				t.Errorf("%s: %s has more powers than it needs: %+v", name, service, s)
			}
			for variable := range s.Environment {
				if !slices.Contains(known, variable) {
					t.Errorf("%s: %s sets %s, which no flag has", name, service, variable)
				}
			}
			for _, secret := range s.Secrets {
				if _, there := f.Secrets[secret]; !there {
					t.Errorf("%s: %s needs the secret %s, which is not declared", name, service, secret)
				}
			}
			for _, volume := range s.Volumes {
				from, _, _ := strings.Cut(volume, ":")
				if _, there := f.Volumes[from]; !there && !strings.HasPrefix(from, "$") {
					t.Errorf("%s: %s mounts %s, which is not declared", name, service, volume)
				}
			}
		}
		if count != replicas {
			t.Errorf("%s runs %d containers of Lifeline, not %d", name, count, replicas)
		}
	}
}

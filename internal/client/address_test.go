package client

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAddressIsTakenAsAPersonWritesIt(t *testing.T) {
	for text, want := range map[string]string{
		"http://127.0.0.1:8080":          "http://127.0.0.1:8080",
		"https://lifeline.example/":      "https://lifeline.example",
		"https://lifeline.example/radio": "https://lifeline.example/radio",
		"127.0.0.1:8080":                 "http://127.0.0.1:8080",
		"localhost:8080":                 "http://localhost:8080",
		"LocalHost":                      "http://LocalHost",
		"[::1]:8080":                     "http://[::1]:8080",
		"lifeline.example":               "https://lifeline.example",
		"lifeline.example:8443/radio/":   "https://lifeline.example:8443/radio",
		" 192.0.2.7:80\n":                "https://192.0.2.7:80",
	} {
		if got, err := new(Connection).Address(text); err != nil || got != want {
			t.Errorf("%q is %q, not %q: %v", text, got, want, err)
		}
	}
}

func TestAddressThatIsNoneIsRefusedInWords(t *testing.T) {
	for text, words := range map[string]string{
		"":                        "no address is given",
		"http://":                 "is not the address of a service",
		"127.0.0.1:port":          "is not the address of a service",
		"::1:8080":                "is not the address of a service",
		"life line.example":       "is not the address of a service",
		"ftp://lifeline.example":  "reached by http:// or https://",
		"https://a:b@host":        "holds a name or a password",
		"https://host/?token=abc": "has a part after ?",
		"/var/run/lifeline.sock":  "is not the address of a service",
	} {
		got, err := new(Connection).Address(text)
		if err == nil || !strings.Contains(err.Error(), words) || strings.Contains(err.Error(), "parse ") {
			t.Errorf("%q is %q: %v", text, got, err)
		}
	}
}

// PowerShell writes UTF-16 with a byte order mark, and some editors write one before UTF-8.
func TestATokenFileIsReadInAnyEncodingOfUnicode(t *testing.T) {
	for name, content := range map[string]string{
		"UTF-8 with a mark":     "\ufefflifeline_x\r\n",
		"UTF-16 of PowerShell":  "\xff\xfel\x00i\x00f\x00e\x00l\x00i\x00n\x00e\x00_\x00x\x00\r\x00\n\x00",
		"UTF-16 without a mark": "l\x00i\x00f\x00e\x00l\x00i\x00n\x00e\x00_\x00x\x00",
	} {
		file := filepath.Join(t.TempDir(), "token")
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := Token("", file); err != nil || got != "lifeline_x" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

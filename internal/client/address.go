package client

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"net/url"
	"os"
	"strings"

	"lifeline/internal/charset"
)

// Address returns the service address that a person wrote in the form that New takes. Without a scheme, it uses http
// for a host of this machine and https for every other. For another machine, http is allowed only if AllowPlainHTTP is
// set.
func (l *Connection) Address(text string) (string, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return "", errors.New("no address is given: write the service's, such as https://lifeline.example")
	}
	whole := text
	if !strings.Contains(text, "://") {
		whole = "https://" + text
	}
	u, err := url.Parse(whole)
	if err != nil || u.Hostname() == "" || strings.ContainsAny(u.Host, " \t") {
		return "", fmt.Errorf("%q is not the address of a service: write it as https://lifeline.example or "+
			"http://127.0.0.1:8080", text)
	}
	if whole != text && OfThisMachine(u.Hostname()) {
		u.Scheme = "http"
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return "", fmt.Errorf("%q begins with %s://, but a service is reached by http:// or https://", text, u.Scheme)
	case u.User != nil:
		return "", errors.New("the address holds a name or a password: write it without, and give the token by " +
			"--token-file or LIFELINE_TOKEN")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "", fmt.Errorf("%q has a part after ? or #: write the address of the service alone, such as %s://%s", text,
			u.Scheme, u.Host)
	case u.Scheme == "http" && !OfThisMachine(u.Hostname()) && !l.AllowPlainHTTP:
		return "", fmt.Errorf("%q is reached without TLS, so that whoever has the link reads the token and changes what "+
			"comes: write https://%s. On a network that you trust, --allow-plain-http or LIFELINE_ALLOW_PLAIN_HTTP=true "+
			"allows it", text, u.Host)
	}
	return strings.TrimRight(u.String(), "/"), nil
}

// OfThisMachine reports whether host is this machine.
func OfThisMachine(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback() || strings.EqualFold(strings.TrimSuffix(host, "."), "localhost")
}

// Token returns the access token given to a command, literally or in a file; empty if neither is given. The command
// line has precedence over the environment variables LIFELINE_TOKEN and LIFELINE_TOKEN_FILE.
func Token(token, file string) (string, error) {
	if token != "" && file != "" {
		switch byVariable, fileByVariable := token == os.Getenv("LIFELINE_TOKEN"), file == os.Getenv("LIFELINE_TOKEN_FILE"); {
		case byVariable == fileByVariable:
			return "", errors.New("a token and a file with one are both given, by --token and --token-file or LIFELINE_TOKEN " +
				"and LIFELINE_TOKEN_FILE: give one of them")
		case byVariable:
			token = ""
		default:
			file = ""
		}
	}
	from := "the token"
	if file != "" {
		b, err := charset.File(file, "")
		if errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("--token-file: there is no file %s", file)
		}
		if err != nil {
			return "", fmt.Errorf("--token-file: %w", err)
		}
		from, token = "the file "+file, string(b)
		if strings.TrimSpace(token) == "" {
			return "", fmt.Errorf("--token-file: %s is empty: it must hold a token", from)
		}
	}
	token = strings.TrimSpace(token)
	if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", fmt.Errorf("%s must hold a token alone, without spaces, line breaks or other text", from)
	}
	return token, nil
}

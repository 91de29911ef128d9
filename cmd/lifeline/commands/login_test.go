package commands

import "testing"

func TestBrowserOpensOnlyPagesOfTheServiceThatWasAsked(t *testing.T) {
	for _, c := range []struct {
		address, service string
		opens            bool
	}{
		{"https://radio.example/#/login/eyJhIjoxfQ", "https://radio.example", true},
		{"https://Radio.example/base/#/confirm/a-b_c", "https://radio.example:8443", true},
		{"http://localhost:8080/#/login/x", "http://127.0.0.1:8080", true},
		{"http://[::1]:8080/#/login/x", "http://localhost:8080", true},
		{"https://other.example/#/login/x", "https://radio.example", false},
		{"https://radio.example@other.example/#/login/x", "https://radio.example", false},
		{"http://localhost:8080/#/login/x", "https://radio.example", false},
		{"file:///etc/passwd", "https://radio.example", false},
		{"javascript:alert(1)", "https://radio.example", false},
		{"-h", "https://radio.example", false},
		{"C:\\Windows\\System32\\calc.exe", "https://radio.example", false},
		{"https://radio.example/x.hta\" & calc", "https://radio.example", false},
		{"https://radio.example/%22&calc", "https://radio.example", false},
		{"https://radio.example/\n", "https://radio.example", false},
		{"", "https://radio.example", false},
	} {
		if got := mayOpen(c.address, c.service); got != c.opens {
			t.Errorf("%q of %s: opened %v", c.address, c.service, got)
		}
	}
}

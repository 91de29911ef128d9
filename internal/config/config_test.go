package config

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestPublicAddressMayHaveAPathThatIsNotTheServicesOwn(t *testing.T) {
	for address, words := range map[string]string{
		"https://lifeline.example":          "",
		"http://192.0.2.7:8080/radio/seoul": "",
		"lifeline.example":                  "must be an http or https address",
		"https://a:b@lifeline.example":      "without a name",
		"https://lifeline.example/?x":       "without a name",
		"https://lifeline.example/v1":       "choose another",
		"https://lifeline.example/console/": "choose another",
		"https://lifeline.example//radio":   "choose another",
	} {
		err := checkPublic(address)
		if (err == nil) != (words == "") || err != nil && !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestOtherMachinesAreServedByTLSUnlessItIsSaid(t *testing.T) {
	for _, c := range []struct {
		listen, public string
		guard          Guard
		flag           string // in the refusal; empty: none
	}{
		{"127.0.0.1:8080", "", Guard{}, ""},
		{"[::1]:8080", "https://lifeline.example", Guard{}, ""},
		{"localhost:8080", "http://127.0.0.1:8080", Guard{}, ""},
		{"127.0.0.1:8080", "http://radio.lan", Guard{}, "--public-url"},
		{"127.0.0.1:8080", "http://radio.lan", Guard{ServePlain: true}, ""},
		{":8080", "", Guard{}, "--listen"},
		{"0.0.0.0:8080", "", Guard{}, "--listen"},
		{"[::]:8080", "https://lifeline.example", Guard{}, "--listen"},
		{"10.0.0.5:8080", "", Guard{}, "--listen"},
		{"radio.lan:8080", "", Guard{}, "--listen"},
		{":8080", "", Guard{ServePlain: true}, ""},
		{":8443", "", Guard{TLSCert: "c", TLSKey: "k"}, ""},
		{":8443", "", Guard{TLSDomains: []string{"lifeline.example"}}, ""},
		{":8080", "https://lifeline.example", Guard{Proxies: []string{"10.1.2.3/32"}}, ""},
		{":8080", "http://lifeline.example", Guard{Proxies: []string{"10.1.2.3/32"}}, "--public-url"},
	} {
		s := Serve{Listen: c.listen, PublicURL: c.public, Guard: c.guard}
		err := s.Exposed()
		if c.flag == "" && err != nil || c.flag != "" && (err == nil || !strings.HasPrefix(err.Error(), c.flag+":") ||
			!strings.Contains(err.Error(), "--serve-plain-http")) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestClientCertificatesNeedTLS(t *testing.T) {
	s := Serve{Listen: "127.0.0.1:0", Audio: "local", MediaLife: time.Hour, MaxUpload: 1, MaxWaiting: 1,
		Guard: Guard{TLSClientCA: "ca.pem"}}
	if err := s.Check(); err == nil || !strings.Contains(err.Error(), "--tls-client-ca") {
		t.Error(err)
	}
	s.Guard = Guard{Proxies: []string{"10.1.2.3"}}
	if err := s.Check(); err == nil || !strings.Contains(err.Error(), "--trusted-proxies") {
		t.Error(err)
	}
}

func TestPrintedConfigurationHoldsNoSecretInAnyField(t *testing.T) {
	secrets := []string{"redis://user:HUN/TER@host/0?password=HUNTER&sentinel_password=HUNTER&db=1",
		"https://HUNTER@host/path", "s3+https://KEY:HUN<&>TER@host/bucket", "https://u:HUN\"TER@host?X-Amz-Signature=HUNTER"}
	for _, secret := range secrets {
		var s Serve
		fill(reflect.ValueOf(&s).Elem(), secret)
		got, err := s.Redacted()
		if err != nil || strings.Contains(got, "HUN") || strings.Contains(got, "TER") || !strings.Contains(got, "redacted") {
			t.Errorf("%s\n%v", got, err)
		}
	}
}

// fill sets all texts of a value.
func fill(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(v.Index(i), text)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), text)
		}
	}
}

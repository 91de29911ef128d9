package config

import (
	"strings"
	"testing"
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

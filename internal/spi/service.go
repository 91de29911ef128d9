package spi

import (
	"encoding/xml"
	"slices"
	"strconv"
	"strings"
)

// serviceInformation is an SI document (clause 6).
type serviceInformation struct {
	XMLName    xml.Name `xml:"serviceInformation"`
	Namespace  string   `xml:"xmlns,attr"`
	Version    int64    `xml:"version,attr"`
	Originator string   `xml:"originator,attr"`
	Language   string   `xml:"xml:lang,attr"`
	Service    service  `xml:"services>service"`
}

type service struct {
	names
	Description description `xml:"mediaDescription"`
	Keywords    []phrase    `xml:"keywords"`
	Bearers     []bearer    `xml:"bearer"`
}

// Information returns the SI document of a service.
func Information(s Service) ([]byte, error) {
	languages, frequencies := []string{}, []int{}
	for _, w := range s.Station.Windows {
		languages = append(languages, s.Station.Allowed(w)...)
		if w.FrequencyKHz > 0 {
			frequencies = append(append(frequencies, w.FrequencyKHz), w.AlsoKHz...)
		}
	}
	if len(languages) == 0 {
		languages = s.Station.Languages
	}
	slices.Sort(languages)
	slices.Sort(frequencies)
	languages = slices.Compact(languages)
	said := "In " + strings.Join(languages, ", ")
	if len(frequencies) > 0 {
		said += onAir(slices.Compact(frequencies)...)
	}
	return write(serviceInformation{Namespace: namespace, Version: max(1, s.Station.Revision), Originator: originator,
		Language: s.language(),
		Service: service{names: named("", s.Station.Name, s.Station.Name), Description: described(said),
			Bearers: s.bearers()}})
}

// onAir describes the frequencies to tune to.
func onAir(kHz ...int) string {
	of := make([]string, len(kHz))
	for n, f := range kHz {
		of[n] = strconv.Itoa(f)
	}
	return " on " + strings.Join(of, ", ") + " kHz"
}

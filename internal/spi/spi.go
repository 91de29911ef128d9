// Package spi formats service and programme information for RadioDNS and hybrid radio: ETSI TS 102 818 V3.4.1, in XML.
// It is pure: the same service and day give the same bytes.
package spi

import (
	"encoding/xml"
	"fmt"
	"hash/fnv"
	"net/url"
	"strconv"
	"strings"
	"time"

	"lifeline/internal/text"
	"lifeline/schedules"
)

// ContentType is the media type of all documents.
const ContentType = "application/xml; charset=utf-8"

const namespace = "http://www.worlddab.org/schemas/spi/34"

// originator names the source of a document.
const originator = "Lifeline"

// Service is the service whose programmes a document lists.
type Service struct {
	Station schedules.Station
	Host    string // of the service; makes ids globally unique
	Bearer  string // identifies the station for receivers, such as "amss:e1c238" or "fm:ce1.c479.09580"; empty if unknown
}

// phrase is a text with its language, if that is known to differ from the document's.
type phrase struct {
	Language string `xml:"xml:lang,attr,omitempty"`
	Value    string `xml:",chardata"`
}

// names holds a name in the lengths that receivers show (5.4): at most 8, 16 and 128 characters.
type names struct {
	Short  phrase `xml:"shortName"`
	Medium phrase `xml:"mediumName"`
	Long   phrase `xml:"longName"`
}

func named(language, short, long string) names {
	return names{phrase{language, cut(short, 8)}, phrase{language, cut(short, 16)}, phrase{language, cut(long, 128)}}
}

// description is a mediaDescription (5.5).
type description struct {
	Short phrase `xml:"shortDescription"`
}

// described returns a description in English, the language of the service's own texts.
func described(says string) description { return description{phrase{"en", cut(says, 180)}} }

type bearer struct {
	ID   string `xml:"id,attr"`
	Cost int    `xml:"cost,attr"` // relative to the other bearers of the service
}

func (s Service) bearers() []bearer {
	if s.Bearer == "" {
		return nil
	}
	return []bearer{{ID: s.Bearer, Cost: 10}}
}

// language returns the station's first language, which applies to names without a language of their own.
func (s Service) language() string {
	if len(s.Station.Languages) == 0 {
		return "en"
	}
	return s.Station.Languages[0]
}

// cut shortens a text to that many characters, at a space if that loses little.
func cut(s string, most int) string {
	s = text.ShownLine(s)
	r := []rune(s)
	if len(r) <= most {
		return s
	}
	if short := string(r[:most]); r[most] != ' ' {
		if i := strings.LastIndexByte(short, ' '); i > 0 && len([]rune(short[:i]))*3 >= most*2 {
			return short[:i]
		}
		return short
	}
	return string(r[:most])
}

// ids creates the ids of one document: a CRID (TS 102 822-4) and, derived from it, the number of 24 bits that replaces
// it in narrow channels. All ids of a document are distinct.
type ids struct {
	authority string
	taken     map[uint32]bool
}

func (s Service) ids() *ids { return &ids{s.Host, map[uint32]bool{}} }

func (i *ids) of(parts ...string) (crid string, short uint32) {
	crid = "crid://" + i.authority
	for _, p := range parts {
		crid += "/" + url.PathEscape(p)
	}
	h := fnv.New32a()
	h.Write([]byte(crid))
	for short = h.Sum32() & 0xffffff; i.taken[short]; short = (short + 1) & 0xffffff {
	}
	i.taken[short] = true
	return crid, short
}

// point formats an instant in whole seconds, as clocks in loc show it (timePointType).
func point(t time.Time, loc *time.Location) string {
	return t.Truncate(time.Second).In(loc).Format("2006-01-02T15:04:05-07:00")
}

// span formats a duration in whole seconds (durationType).
func span(d time.Duration) string {
	return "PT" + strconv.FormatInt(int64(d/time.Second), 10) + "S"
}

func write(document any) ([]byte, error) {
	b, err := xml.MarshalIndent(document, "", " ")
	if err != nil {
		return nil, fmt.Errorf("spi: %w", err)
	}
	return append([]byte(xml.Header), append(b, '\n')...), nil
}

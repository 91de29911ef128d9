package httpapi

import (
	"fmt"
	"hash/fnv"
	"net/http"
	"regexp"
	"strings"

	"lifeline/internal/fault"
	"lifeline/internal/httpapi/apidoc"
	"lifeline/internal/openapi"
	"lifeline/internal/spi"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// spiHandlers serve programme information to receivers of hybrid radio (ETSI TS 102 818).
type spiHandlers struct{ *Parts }

func (a spiHandlers) routes() []route {
	return []route{
		{a.serviceInformation, apidoc.Route{Method: http.MethodGet, Path: "/v1/stations/:station/spi/3.1/SI.xml",
			Roles: relays,
			ID:    "getServiceInformation", Tag: apidoc.ForStations,
			Summary: "Get the service information of a station for hybrid radio", Known: true,
			Detail: "The format is ETSI TS 102 818 V3.4.1. Serve the document at the address that RadioDNS gives for the " +
				"station.",
			Query:   []openapi.Parameter{bearerParameter},
			Answers: []apidoc.Answer{apidoc.GivesBytes(spi.ContentType, http.StatusOK, "The document.")}}},
		{a.programmes, apidoc.Route{Method: http.MethodGet, Path: "/v1/stations/:station/spi/3.1/:schedule", Roles: relays,
			ID: "getProgrammeInformation", Tag: apidoc.ForStations,
			Summary: "Get the programme information of a day for hybrid radio", Known: true,
			Detail: "The format is ETSI TS 102 818 V3.4.1. The windows of the day are programmes. When the day is " +
				"published, the items are events of them, except idents, time signals and the like.",
			Query: []openapi.Parameter{bearerParameter},
			Answers: []apidoc.Answer{apidoc.GivesBytes(spi.ContentType, http.StatusOK,
				"The document.")}}},
	}
}

// bearerPattern is a bearer of TS 103 270, or the address of a stream.
const bearerPattern = `^((fm|dab|drm|amss):[0-9a-f]{1,8}(\.[0-9a-f]{1,8}){0,4}|https?://[0-9A-Za-z./_-]{1,200})$`

var bearers = regexp.MustCompile(bearerPattern)

// service returns the path's station as receivers see it, and sets the parts of the ETag that a document of it depends
// on besides a day's revision.
func (a spiHandlers) service(c *call) (spi.Service, error) {
	st, err := a.Scheduler.Network.Station(c.station())
	if err != nil {
		return spi.Service{}, err
	}
	bearer := c.query().Get("bearer")
	if bearer != "" && !bearers.MatchString(bearer) {
		return spi.Service{}, fault.Fields(fault.Field{Field: "bearer", Message: "must be a bearer such as amss:e1c238, " +
			"fm:ce1.c479.09580 or the address of a stream"})
	}
	h := fnv.New64a()
	h.Write([]byte(bearer))
	c.variant = fmt.Sprintf(".spi.%d.%x", st.Revision, h.Sum64())
	return spi.Service{Station: st, Host: a.Media.Host(), Bearer: bearer}, nil
}

func (a spiHandlers) serviceInformation(c *call) error {
	s, err := a.service(c)
	if err != nil {
		return err
	}
	return made(c, s.Station.Revision, spi.ContentType, func() ([]byte, error) { return spi.Information(s) })
}

func (a spiHandlers) programmes(c *call) error {
	s, err := a.service(c)
	if err != nil {
		return err
	}
	day, ok := strings.CutSuffix(c.param("schedule"), "_PI.xml")
	if !ok || len(day) != len("20060102") {
		return fault.New(fault.NotFound, "this path does not exist: request SI.xml, or a day such as 20231027_PI.xml")
	}
	date, err := schedules.ParseDate(day[:4] + "-" + day[4:6] + "-" + day[6:])
	if err != nil {
		return fault.Fields(fault.Field{Field: "schedule", Message: err.Error()})
	}
	var q *wire.Queue
	var revision int64
	switch signed, err := a.Scheduler.Record.Queues.PublishedQueue(c.r.Context(), c.station(), date); {
	case err == nil:
		q, revision = &signed.Value, signed.Value.Revision
	case !fault.Is(err, fault.NotFound):
		return err
	}
	return made(c, revision, spi.ContentType, func() ([]byte, error) { return spi.Programmes(s, date, q) })
}

var bearerParameter = openapi.Parameter{Name: "bearer", Description: "The bearer of the station, in the form of TS " +
	"103 270.", Schema: openapi.Match(bearerPattern),
	Example: "amss:e1c238"}

package httpapi

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"lifeline/internal/fault"
	"lifeline/internal/httpapi/apidoc"
	"lifeline/internal/openapi"
	"lifeline/internal/scheduling"
	"lifeline/schedules"
)

// windowHandlers give whole windows as files.
type windowHandlers struct{ *Parts }

func (a windowHandlers) routes() []route {
	return []route{
		{a.window, apidoc.Route{Method: http.MethodGet, Path: "/v1/stations/:station/windows/:window/:rendered",
			Roles: relays,
			ID:    "getWindow", Tag: apidoc.ForStations,
			Summary: "A whole published window as one file",
			Detail: "For sites that only take a file: what the player would put out without a lease, sample for sample, as " +
				"16-bit stereo: in place of what is sensitive airs the fallback. It is made with the first request and sent " +
				"while it " +
				"is made; until it is whole, the length of a FLAC is not known and it has no ranges. A file that changes while " +
				"it is read breaks off: ask again.",
			Query: []openapi.Parameter{{Name: "start_at", Description: "When the window starts, where it starts several times " +
				"a day.", Schema: instantSchema(),
				Example: exampleStart}},
			Headers: []openapi.Parameter{rangeHeader},
			Answers: []apidoc.Answer{
				{Status: http.StatusOK, Says: "The file.", Bodies: windowForms(), Headers: []string{"ETag", "Accept-Ranges"}},
				{Status: http.StatusPartialContent, Says: "The range that was asked for, or several.",
					Bodies:  append(windowForms(), apidoc.Body{MediaType: "multipart/byteranges", Schema: openapi.String()}),
					Headers: []string{"ETag", "Accept-Ranges", "Content-Range"}},
				apidoc.GivesNothing(http.StatusNotModified, "The caller has the file already.", "ETag"),
			},
			Faults: map[int]string{http.StatusRequestedRangeNotSatisfiable: "The file has no such range.",
				http.StatusPreconditionFailed:    "If-Match does not name the file.",
				http.StatusRequestEntityTooLarge: "A WAV cannot hold so long a window: ask for .flac.",
				http.StatusInsufficientStorage:   "There is no space to render it.",
				http.StatusGone:                  "The window was changed meanwhile."}}},
	}
}

// windowTypes are the media types of rendered windows, by their ending.
var windowTypes = map[string]string{"wav": "audio/wav", "flac": "audio/flac"}

// window answers a whole window as one file. It is sent while it is made.
func (a windowHandlers) window(c *call) error {
	day, format, _ := strings.Cut(c.param("rendered"), ".")
	contentType, ok := windowTypes[format]
	if !ok {
		return fault.New(fault.NotFound, "a window is had as .flac or .wav")
	}
	date, err := schedules.ParseDate(day)
	if err != nil {
		return fault.Fields(fault.Field{Field: "date", Message: err.Error()})
	}
	var startAt time.Time
	if v := c.query().Get("start_at"); v != "" {
		if startAt, err = time.Parse(time.RFC3339, v); err != nil {
			return fault.Fields(fault.Field{Field: "start_at", Message: "must be an instant such as 2023-10-27T13:00:00.000Z"})
		}
	}
	if _, err := a.Scheduler.Network.Station(c.station()); err != nil {
		return err
	}
	file, err := a.Windows.Open(c.r.Context(), c.station(), c.param("window"), date, startAt, format)
	if err != nil {
		return err
	}
	defer file.Close()
	h := c.w.Header()
	h.Set("Cache-Control", "private, no-cache")
	h.Set("ETag", `"`+file.Tag+`"`)
	if strings.Contains(c.r.Header.Get("If-None-Match"), file.Tag) {
		c.w.WriteHeader(http.StatusNotModified)
		return nil
	}
	if c.r.Method != http.MethodHead {
		// What keeps it from being made is told now, in words. This is where a request waits for its turn.
		if _, err := file.Read(make([]byte, 1)); err != nil {
			return err
		}
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return err
		}
	}
	h.Set("Content-Type", contentType)
	h.Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", c.station()+"-"+c.param("window")+"-"+day+"."+
		format))
	if file.Size >= 0 {
		return serveContent(c, file)
	}
	return streamed(newPatientWriter(c), c.r, file)
}

// streamed answers a file whose length is not known yet.
func streamed(w *patientWriter, r *http.Request, file *scheduling.Rendered) error {
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return nil
	}
	b := make([]byte, 64<<10)
	for {
		n, err := file.Read(b)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := w.Write(b[:n]); err != nil {
			return nil // the client is gone
		}
		w.controller.Flush() // a writer that cannot flush sends it all the same
	}
}

// windowForms are the forms of a rendered window.
func windowForms() (bodies []apidoc.Body) {
	for _, ending := range []string{"wav", "flac"} {
		bodies = append(bodies, apidoc.Body{MediaType: windowTypes[ending], Schema: openapi.String()})
	}
	return bodies
}

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

// windowHandlers serve whole windows as audio files.
type windowHandlers struct{ *Parts }

func (a windowHandlers) routes() []route {
	return []route{
		{a.window, apidoc.Route{Method: http.MethodGet, Path: "/v1/stations/:station/windows/:window/:rendered",
			Roles: relays,
			ID:    "getWindow", Tag: apidoc.ForStations,
			Summary: "Get a published window as one file",
			Detail: "For sites that need a file. It has the samples that the player would output without a lease, as 16-bit " +
				"stereo, with the fallback in place of sensitive items. The service renders the file at the " +
				"first request and sends it at the same time. Until the file is complete, a FLAC has no " +
				"length and no ranges. If the window changes during a download, the download stops: send the " +
				"request again.",
			Query: []openapi.Parameter{{Name: "start_at", Description: "The start of the window, if it starts several times " +
				"a day.", Schema: instantSchema(),
				Example: exampleStart}},
			Headers: []openapi.Parameter{rangeHeader},
			Answers: []apidoc.Answer{
				{Status: http.StatusOK, Says: "The file.", Bodies: windowForms(), Headers: []string{"ETag", "Accept-Ranges"}},
				{Status: http.StatusPartialContent, Says: "The requested range or ranges.",
					Bodies:  append(windowForms(), apidoc.Body{MediaType: "multipart/byteranges", Schema: openapi.String()}),
					Headers: []string{"ETag", "Accept-Ranges", "Content-Range"}},
				apidoc.GivesNothing(http.StatusNotModified, "The caller already has the file.", "ETag"),
			},
			Faults: map[int]string{http.StatusRequestedRangeNotSatisfiable: "The file has no such range.",
				http.StatusPreconditionFailed:    "If-Match does not name the file.",
				http.StatusRequestEntityTooLarge: "The window is too long for a WAV: request .flac.",
				http.StatusInsufficientStorage:   "The service has no space to render the window.",
				http.StatusGone:                  "The window has changed during the request."}}},
	}
}

// windowTypes are the media types of rendered windows, by file extension.
var windowTypes = map[string]string{"wav": "audio/wav", "flac": "audio/flac"}

// window serves a whole window as one file, while it is rendered.
func (a windowHandlers) window(c *call) error {
	day, format, _ := strings.Cut(c.param("rendered"), ".")
	contentType, ok := windowTypes[format]
	if !ok {
		return fault.New(fault.NotFound, "windows are available as .flac and .wav")
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
	if err := a.hearWindow(c, file); err != nil {
		return err
	}
	h := c.w.Header()
	h.Set("Cache-Control", "private, no-cache")
	h.Set("ETag", `"`+file.Tag+`"`)
	if strings.Contains(c.r.Header.Get("If-None-Match"), file.Tag) {
		c.w.WriteHeader(http.StatusNotModified)
		return nil
	}
	if c.r.Method != http.MethodHead {
		// A failure to render is reported as a problem now, before the answer begins. The request waits for its turn here.
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

// streamed answers with a file of unknown length.
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
		w.controller.Flush() // a writer without Flush sends it too
	}
}

// windowForms are the forms of a rendered window.
func windowForms() (bodies []apidoc.Body) {
	for _, ending := range []string{"wav", "flac"} {
		bodies = append(bodies, apidoc.Body{MediaType: windowTypes[ending], Schema: openapi.String()})
	}
	return bodies
}

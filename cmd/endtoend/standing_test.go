package endtoend

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/harness"
	"lifeline/internal/service"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// order gives harbour-dawn a standing order over three days, of which two are published.
func (h *house) order() {
	h.t.Helper()
	path := wire.Station("harbour-dawn")
	got := h.do("GET", path, h.secrets["scheduler"], nil, nil)
	var st schedules.Station
	got.into(h.t, &st)
	st.StandingOrder = &schedules.StandingOrder{PlanDays: 3, PublishDays: 2, By: 18 * 60}
	body, err := json.Marshal(st)
	if err != nil {
		h.t.Fatal(err)
	}
	if put := h.do("PUT", path, h.secrets["scheduler"], map[string]string{"If-Match": got.header.Get("ETag"),
		"Content-Type": "application/json"}, body); put.status != http.StatusOK {
		h.t.Fatalf("the order is answered %d %s", put.status, put.body)
	}
}

// ordered waits until the order has published the day after tomorrow, and returns that day.
func (h *house) ordered() schedules.Date {
	h.t.Helper()
	seoul, err := schedules.Zone("Asia/Seoul")
	if err != nil {
		h.t.Fatal(err)
	}
	last := schedules.DateOf(time.Now().In(seoul)).AddDays(2)
	path := wire.Station("harbour-dawn", "queue") + "?date=" + last.String()
	var got answer
	eventually(h.t, func() bool {
		got = h.do("GET", path, h.secrets["scheduler"], nil, nil)
		return got.status == http.StatusOK
	})
	if got.status != http.StatusOK {
		h.t.Fatalf("%s is not published: %d %s", last, got.status, got.body)
	}
	return last
}

func TestAStandingOrderPublishesTheComingDaysInTheNameOfWhoSetIt(t *testing.T) {
	t.Parallel()
	h := open(t, furnish(t))
	h.order()
	last := h.ordered()
	minjun := terminalOf{h, t, h.secrets["scheduler"]}
	said := ""
	eventually(t, func() bool {
		said = minjun.says("stations", "harbour-dawn")
		return strings.Contains(said, "planned until "+last.AddDays(1).String())
	})
	want(t, said, "standing order of Minjun: planned until "+last.AddDays(1).String()+", published until "+last.String(),
		"; last at ")
	want(t, minjun.says("show", "harbour-dawn", last.String()), "published")
	want(t, minjun.says("audit"), "standing order of Minjun")
	exported := minjun.says("export")
	want(t, exported, "standing_order:", "plan_days: 3")
	h.as("admin", access.NewToken{Name: "Jae", Role: access.Admin})
	metrics := string(h.do("GET", "/metrics", h.secrets["admin"], nil, nil).body)
	if strings.Contains(metrics, `lifeline_station_published_hours{station="harbour-dawn"} 0`) {
		t.Error("the metrics say that nothing is published")
	}
	want(t, metrics, `lifeline_station_published_hours{station="harbour-dawn"} `,
		`lifeline_station_published_hours{station="lantern-coast"} 0`)
}

func TestOfTwoConcurrentReplicasOneCarriesOutAStandingOrder(t *testing.T) {
	t.Parallel()
	c := onRedis(t, harness.StartRedis(t, harness.Durable...))
	raised, err := service.OpenStore(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(raised.Raise(t.Context(), "Ruth", time.Now()), raised.Close()); err != nil {
		t.Fatal(err)
	}
	a, b := start(t, c), start(t, c)
	a.order()
	last := b.ordered()
	for d := last.AddDays(-1); !last.Before(d); d = d.AddDays(1) {
		said := terminalOf{b, t, b.secrets["scheduler"]}.says("revisions", "harbour-dawn", d.String())
		if strings.Count(said, "rundown.plan") != 1 || strings.Count(said, "  queue ") != 1 {
			t.Errorf("%s was planned or published more than once:\n%s", d, said)
		}
	}
}

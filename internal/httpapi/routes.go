package httpapi

import (
	"net/http"

	"lifeline/internal/access"
	"lifeline/internal/console"
	"lifeline/internal/playlist"
)

// Who may do what. Admin may do everything and is not named.
var (
	people    = []access.Role{access.Producer, access.SchedulerJob, access.Viewer}
	makers    = []access.Role{access.Producer, access.SchedulerJob}
	producing = []access.Role{access.Producer}
	planning  = []access.Role{access.SchedulerJob}
	stations  = []access.Role{access.StationJob}
	relays    = []access.Role{access.StationJob, access.SchedulerJob, access.Viewer}
	everybody = []access.Role{access.Producer, access.SchedulerJob, access.Viewer, access.StationJob}
	admins    = []access.Role{}
)

// routes is the whole HTTP surface.
func (a *api) routes() []route {
	const get, post, put, patch = http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch
	const station = "/v1/stations/:station"
	const day = station + "/rundowns/:date"
	all := []route{
		{method: get, path: "/healthz", open: true, handle: a.healthz},
		{method: get, path: "/readyz", open: true, handle: a.readyz},
		{method: get, path: "/metrics", open: true, handle: a.metrics},
		{method: get, path: "/openapi.json", open: true, handle: a.openAPI},
		{method: get, path: "/docs", open: true, handle: a.docs},
		{method: get, path: "/", open: true, handle: a.console},
		{method: get, path: console.Root + ":build/:asset", open: true, handle: a.console},
		{method: get, path: "/v1/time", open: true, handle: a.time},
		{method: get, path: "/v1/keys", open: true, handle: a.keys},
		{method: get, path: "/v1/me", roles: everybody, handle: a.me},

		{method: post, path: "/v1/segments", roles: producing, handle: a.uploadSegment},
		{method: http.MethodOptions, path: "/v1/uploads", open: true, handle: a.tusOptions},
		{method: post, path: "/v1/uploads", roles: producing, handle: a.tus(a.startUpload)},
		{method: get, path: "/v1/uploads", roles: producing, handle: a.listUploads},
		{method: http.MethodOptions, path: "/v1/uploads/:upload", open: true, handle: a.tusOptions},
		{method: http.MethodHead, path: "/v1/uploads/:upload", roles: producing, handle: a.tus(a.getUpload)},
		{method: patch, path: "/v1/uploads/:upload", roles: producing, handle: a.tus(a.appendUpload)},
		{method: http.MethodDelete, path: "/v1/uploads/:upload", roles: producing, handle: a.tus(a.cancelUpload)},
		{method: get, path: "/v1/segments", roles: people, handle: a.listSegments},
		{method: get, path: "/v1/segments/:segment", roles: people, handle: a.getSegment},
		{method: patch, path: "/v1/segments/:segment", roles: makers, handle: a.patchSegment},
		{method: put, path: "/v1/segments/:segment/audio", roles: producing, handle: a.replaceAudio},
		{method: get, path: "/v1/segments/:segment/audio", roles: people, handle: a.segmentAudio},
		{method: get, path: "/v1/segments/:segment/waveform", roles: people, handle: a.waveform},
		{method: get, path: "/v1/segments/:segment/airings", roles: people, handle: a.airings},
		{method: post, path: "/v1/segments/:segment/approve", roles: makers, handle: a.approve},
		{method: post, path: "/v1/segments/:segment/reject", roles: makers,
			handle: a.act(func() segmentAct { return a.Library.Approvals.Reject })},
		{method: post, path: "/v1/segments/:segment/recall", roles: makers,
			handle: a.act(func() segmentAct { return a.Library.Recalls.Recall })},
		{method: post, path: "/v1/segments/:segment/reinstate", roles: makers,
			handle: a.act(func() segmentAct { return a.Library.Recalls.Reinstate })},
		{method: get, path: "/v1/persons/:person", roles: people, handle: a.person},
		{method: post, path: "/v1/persons/:person/recall", roles: makers, handle: a.recallPerson},
		{method: get, path: "/v1/scripts", roles: people, handle: a.listScripts},
		{method: get, path: "/v1/scripts/:script", roles: people, handle: a.getScript},
		{method: get, path: "/v1/scripts/:script/missing", roles: people, handle: a.missingReadings},
		{method: get, path: "/v1/scripts/:script/exposure", roles: people, handle: a.exposure},
		{method: put, path: "/v1/scripts/:script", roles: makers, handle: a.putScript},

		{method: get, path: "/v1/stations", roles: people, handle: a.listStations},
		{method: get, path: station, roles: everybody, handle: a.getStation},
		{method: put, path: station, roles: planning, handle: a.putStation},
		{method: get, path: "/v1/clocks", roles: people, handle: a.listClocks},
		{method: get, path: "/v1/clocks/:clock", roles: people, handle: a.getClock},
		{method: put, path: "/v1/clocks/:clock", roles: planning, handle: a.putClock},
		{method: get, path: "/v1/campaigns", roles: people, handle: a.listCampaigns},
		{method: get, path: "/v1/campaigns/:campaign", roles: people, handle: a.getCampaign},
		{method: put, path: "/v1/campaigns/:campaign", roles: planning, handle: a.putCampaign},
		{method: post, path: "/v1/apply", roles: planning, handle: a.apply},

		{method: get, path: day, roles: people, handle: a.getRundown},
		{method: patch, path: day, roles: planning, handle: a.editRundown},
		{method: post, path: day + "/plan", roles: planning, handle: a.plan},
		{method: post, path: day + "/publish", roles: planning, handle: a.publish},
		{method: post, path: day + "/withdraw", roles: planning, handle: a.withdrawDay},
		{method: get, path: day + "/diff", roles: people, handle: a.diff},
		{method: get, path: day + "/items/:item/explain", roles: people, handle: a.explain},
		{method: post, path: "/v1/plan", roles: planning, handle: a.planMany},
		{method: post, path: "/v1/publish", roles: planning, handle: a.publishMany},
		{method: get, path: station + "/reconciliation/:date", roles: people, handle: a.reconciliation},
		{method: get, path: station + "/chain", roles: people, handle: a.chain},
		{method: get, path: station + "/chain/records", roles: people, handle: a.chainRecords},
		{method: get, path: "/v1/make-goods", roles: people, handle: a.makeGoods},
		{method: post, path: station + "/make-goods/:make_good/waive", roles: planning, handle: a.waive},
		{method: get, path: "/v1/reports/airings", roles: people, handle: a.airingReport},
		{method: get, path: "/v1/audit", roles: planning, handle: a.audit},

		{method: get, path: station + "/queue", roles: relays, handle: a.queue},
		{method: get, path: station + "/queue.dsse", roles: relays, handle: a.queueEnvelope},
		{method: get, path: station + "/fallback", roles: relays, handle: a.fallback},
		{method: get, path: station + "/fallback.dsse", roles: relays, handle: a.fallbackEnvelope},
		{method: get, path: station + "/lease.dsse", roles: stations, handle: a.lease},
		{method: get, path: station + "/freshness.dsse", roles: stations, handle: a.freshness},
		{method: get, path: station + "/windows/:window/:rendered", roles: relays, handle: a.window},
		{method: get, path: station + "/windows.ics", roles: everybody, handle: a.windowCalendar},
		{method: get, path: station + "/queue.ics", roles: relays, handle: a.dayCalendar},
		{method: get, path: station + "/spi/3.1/SI.xml", roles: relays, handle: a.serviceInformation},
		{method: get, path: station + "/spi/3.1/:schedule", roles: relays, handle: a.programmes},
		{method: get, path: station + "/next", roles: relays, handle: a.next},
		{method: post, path: station + "/as-run", roles: stations, handle: a.asRun},
		{method: get, path: station + "/as-run", roles: relays, handle: a.listAsRun},
		{method: post, path: station + "/status", roles: stations, handle: a.setStatus},
		{method: get, path: station + "/status", roles: relays, handle: a.getStatus},
		{method: get, path: "/v1/status", roles: people, handle: a.listStatus},
		{method: get, path: "/v1/alarms", roles: people, handle: a.listAlarms},
		{method: get, path: "/v1/recalls", roles: everybody, handle: a.recalls},
		{method: get, path: "/v1/changes", roles: everybody, handle: a.changes},
		{method: get, path: "/v1/audio/:file", roles: everybody, signed: true, handle: a.audio},
		{method: post, path: "/v1/tokens", roles: admins, handle: a.createToken},
		{method: get, path: "/v1/tokens", roles: admins, handle: a.listTokens},
		{method: http.MethodDelete, path: "/v1/tokens/:token", roles: admins, handle: a.revokeToken},

		{method: get, path: "/v1/webhooks", roles: admins, handle: a.listWebhooks},
		{method: get, path: "/v1/webhooks/:webhook", roles: admins, handle: a.getWebhook},
		{method: put, path: "/v1/webhooks/:webhook", roles: admins, handle: a.putWebhook},
		{method: http.MethodDelete, path: "/v1/webhooks/:webhook", roles: admins, handle: a.deleteWebhook},
		{method: post, path: "/v1/webhooks/:webhook/rotate", roles: admins, handle: a.rotateWebhook},
		{method: get, path: "/v1/webhooks/:webhook/deliveries", roles: admins, handle: a.deliveries},
		{method: post, path: "/v1/webhooks/:webhook/test", roles: admins, handle: a.testWebhook},
		{method: post, path: "/v1/webhooks/:webhook/replay", roles: admins, handle: a.replayWebhook},
	}
	for _, form := range playlist.Forms {
		all = append(all,
			route{method: get, path: station + "/queue." + string(form), roles: relays, handle: a.listed(form)},
			route{method: get, path: station + "/fallback." + string(form), roles: relays, handle: a.listedFallback(form)})
	}
	return all
}

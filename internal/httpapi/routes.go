package httpapi

import "lifeline/internal/access"

// The groups of roles. Admin may do everything and is not named.
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

// topics are the parts of the API. Each has a file, with its routes before their handlers.
func (a *api) topics() []interface{ routes() []route } {
	p := &a.Parts
	return []interface{ routes() []route }{
		systemHandlers{p}, documentHandlers{a.document}, consoleHandlers{p}, tokenHandlers{p, a.routes},
		memberHandlers{p}, signInHandlers{a}, waitingHandlers{p}, enrolmentHandlers{a},
		segmentHandlers{p}, recordingHandlers{p}, approvalHandlers{p}, uploadHandlers{p, a.outside}, personHandlers{p},
		erasureHandlers{p},
		scriptHandlers{p}, networkHandlers{p}, rundownHandlers{p}, reconciliationHandlers{p}, airingHandlers{p},
		chainHandlers{p}, auditHandlers{p}, queueHandlers{p}, leaseHandlers{p}, playlistHandlers{queueHandlers{p}},
		windowHandlers{p}, calendarHandlers{p}, spiHandlers{p}, reportHandlers{p}, mirrorListHandlers{p},
		statusHandlers{p}, changeHandlers{p},
		webhookHandlers{p},
	}
}

// routes are all routes of the API.
func (a *api) routes() (all []route) {
	for _, t := range a.topics() {
		all = append(all, t.routes()...)
	}
	return all
}

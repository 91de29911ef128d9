package control

import (
	"context"
	"slices"

	"lifeline/schedules"
)

// Missing lists what of a script must be recorded anew, by language and passage. It fails with NotFound.
func (s *Scheduler) Missing(script string) ([]schedules.ToRecord, error) {
	if _, err := s.Script(script); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(s.prepare().Missing(), func(r schedules.ToRecord) bool { return r.Script != script }), nil
}

// Exposure tells which passage of a script reached which station, in which language and when, over the days that
// planning looks back, and is to reach it by what is published. It fails with NotFound.
func (s *Scheduler) Exposure(ctx context.Context, script string) ([]schedules.Exposure, error) {
	if _, err := s.Script(script); err != nil {
		return nil, err
	}
	var history []schedules.Airing
	for _, row := range stationsIn(s.mirror).after("", "") {
		more, err := s.airings(ctx, row.value, schedules.Date{}, s.now(), nil)
		if err != nil {
			return nil, err
		}
		history = append(history, more...)
	}
	return slices.DeleteFunc(s.prepare().Exposures(history), func(e schedules.Exposure) bool { return e.Script != script }), nil
}

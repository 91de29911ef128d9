package scheduling

import (
	"context"
	"slices"

	"lifeline/internal/replica"
	"lifeline/schedules"
)

// Scripts reports which passages of a script are missing and which stations its passages reached.
type Scripts struct {
	*core
	inputs *inputs
}

// Missing returns the passages of a script that must be recorded again, by language and passage. It fails with NotFound
// for an unknown script.
func (s *Scripts) Missing(script string) ([]schedules.ToRecord, error) {
	if _, err := s.network.Script(script); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(s.planning.Library().Missing(),
		func(r schedules.ToRecord) bool { return r.Script != script }), nil
}

// Exposure returns which passage of a script reached which station, in which language and when, over the days that
// planning looks back, and where published days will air it. It fails with NotFound for an unknown script.
func (s *Scripts) Exposure(ctx context.Context, script string) ([]schedules.Exposure, error) {
	if _, err := s.network.Script(script); err != nil {
		return nil, err
	}
	var history []schedules.Airing
	for _, row := range replica.StationsIn(s.replica).After("", "") {
		more, err := s.inputs.airings(ctx, row.Value, schedules.Date{}, s.now(), nil)
		if err != nil {
			return nil, err
		}
		history = append(history, more...)
	}
	return slices.DeleteFunc(s.planning.Library().Exposures(history),
		func(e schedules.Exposure) bool { return e.Script != script }), nil
}

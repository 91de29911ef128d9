package scheduling

import (
	"context"
	"slices"

	"lifeline/internal/replica"
	"lifeline/schedules"
)

// Scripts tells what of a script is missing and which stations its passages reached.
type Scripts struct {
	*core
	inputs *inputs
}

// Missing lists what of a script must be recorded anew, by language and passage. It fails with NotFound.
func (s *Scripts) Missing(script string) ([]schedules.ToRecord, error) {
	if _, err := s.network.Script(script); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(s.planning.Library().Missing(),
		func(r schedules.ToRecord) bool { return r.Script != script }), nil
}

// Exposure tells which passage of a script reached which station, in which language and when, over the days that
// planning looks back, and is to reach it by what is published. It fails with NotFound.
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

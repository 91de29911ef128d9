package scheduling

import (
	"encoding/json"
	"reflect"

	"lifeline/internal/replica"
	"lifeline/schedules"
)

const KindExplanations = "explanations" // reasons for the place of each item of a plan: STATION/DATE

// Kinds are the kinds of documents that only this package reads.
var Kinds = replica.Kinds{
	{Name: KindExplanations, Derived: true, Form: reflect.TypeFor[[]schedules.Explanation](),
		Inspect: replica.Readable[[]schedules.Explanation], Upgrades: []replica.Upgrade{withoutAims}},
}

// withoutAims removes from choices the aims that earlier versions of the planner recorded for fills.
var withoutAims = replica.Upgrade{
	Up: func(body []byte) ([]byte, error) {
		var all []map[string]json.RawMessage
		if err := json.Unmarshal(body, &all); err != nil {
			return nil, err
		}
		for _, explanation := range all {
			if explanation["choice"] == nil {
				continue
			}
			var choice map[string]json.RawMessage
			if err := json.Unmarshal(explanation["choice"], &choice); err != nil {
				return nil, err
			}
			delete(choice, "asked_ms")
			delete(choice, "mean_ms")
			delete(choice, "slack_ms")
			var err error
			if explanation["choice"], err = replica.Encode(choice); err != nil {
				return nil, err
			}
		}
		return replica.Encode(all)
	},
	Down: func(body []byte) ([]byte, error) { return body, nil },
}

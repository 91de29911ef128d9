package replica

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"lifeline/internal/fault"
	"lifeline/internal/store"
	"lifeline/schedules"
)

// Scope fails with Forbidden if a person's languages or stations leave out something that a write changes. Commit asks
// it for every write of every use case. An empty person, a machine or background work, has every language and station.
//
// Languages limit segments and scripts; of a script, only the texts that the write changes count. Stations limit what
// belongs to a station, the clocks that its windows follow, and campaigns. Nothing limits a recall: who is in danger
// does not wait for a person who works in the language.
func (m *Replica) Scope(person string, w store.Write) error {
	row, ok := PersonsIn(m).Get(person)
	if !ok || len(row.Value.Languages) == 0 && len(row.Value.Stations) == 0 {
		return nil
	}
	p := row.Value.Person
	languages, stations, err := m.touched(w)
	if err != nil {
		return err
	}
	for _, l := range languages {
		if l != "" && !schedules.Speaks(l, p.Languages) {
			return fault.New(fault.Forbidden, "%s %q is in %s, and %s works in %s only: ask a person who works in %[3]s", w.Kind,
				w.ID, l, p.Name, strings.Join(p.Languages, ", "))
		}
	}
	if len(p.Stations) == 0 {
		return nil
	}
	for _, s := range stations {
		if s == EveryStation {
			return fault.New(fault.Forbidden, "%s %q is of every station, and %s works for %s only: ask a person who works for "+
				"all", w.Kind, w.ID, p.Name, strings.Join(p.Stations, ", "))
		}
		if !slices.Contains(p.Stations, s) {
			return fault.New(fault.Forbidden, "%s %q is of station %s, and %s works for %s only: ask a person who works for "+
				"%[3]s", w.Kind, w.ID, s, p.Name, strings.Join(p.Stations, ", "))
		}
	}
	return nil
}

// EveryStation stands for all stations.
const EveryStation = "*"

// touched returns the languages and stations that a write changes.
func (m *Replica) touched(w store.Write) (languages, stations []string, err error) {
	if kind, ok := m.Kinds.Find(w.Kind); ok && kind.OfStation {
		station, _, _ := strings.Cut(w.ID, "/")
		return nil, []string{station}, nil
	}
	switch w.Kind {
	case KindSegment:
		before, _ := SegmentsIn(m).Get(w.ID)
		after, err := written[schedules.Segment](w)
		if after.State == schedules.Recalled && before.Value.State != schedules.Recalled &&
			after.Language == before.Value.Language {
			return nil, nil, err
		}
		return []string{before.Value.Language, after.Language}, nil, err
	case KindScript:
		before, _ := ScriptsIn(m).Get(w.ID)
		after, err := written[schedules.Script](w)
		return changedLanguages(before.Value, after), nil, err
	case KindClock:
		for id, row := range StationsIn(m).After("", "") {
			if slices.Contains(row.Value.ClocksUsed(), w.ID) {
				stations = append(stations, id)
			}
		}
	case KindCampaign:
		before, known := CampaignsIn(m).Get(w.ID)
		after, err := written[schedules.Campaign](w)
		if known && len(before.Value.Stations) == 0 || !w.Delete && len(after.Stations) == 0 {
			return nil, []string{EveryStation}, err
		}
		return nil, slices.Concat(before.Value.Stations, after.Stations), err
	}
	return nil, stations, nil
}

// written decodes the document that a write stores.
func written[T any](w store.Write) (v T, err error) {
	if w.Delete {
		return v, nil
	}
	return ParsePart[T](w.Body)
}

// changedLanguages returns the languages of a script in which two states of it differ. What is not text, such as the
// number of a passage, is of every language.
func changedLanguages(before, after schedules.Script) (changed []string) {
	all := map[string]bool{}
	for _, s := range []schedules.Script{before, after} {
		for _, l := range s.Languages {
			all[l] = true
		}
		for _, v := range s.Versions {
			for _, p := range v.Passages {
				for l := range p.Text {
					all[l] = true
				}
			}
		}
	}
	for _, l := range slices.Sorted(maps.Keys(all)) {
		if inLanguage(before, l) != inLanguage(after, l) {
			changed = append(changed, l)
		}
	}
	return changed
}

// inLanguage returns a script with the texts of one language only, in a form that can be compared.
func inLanguage(s schedules.Script, language string) string {
	out := schedules.Script{Title: s.Title}
	if slices.Contains(s.Languages, language) {
		out.Languages = []string{language}
	}
	for _, v := range s.Versions {
		passages := slices.Clone(v.Passages)
		for i, p := range passages {
			passages[i].Text = nil
			if said, ok := p.Text[language]; ok {
				passages[i].Text = map[string]string{language: said}
			}
		}
		out.Versions = append(out.Versions, schedules.ScriptVersion{Version: v.Version, Passages: passages})
	}
	b, err := json.Marshal(out)
	if err != nil {
		return err.Error() // cannot happen: the type has only what JSON can hold
	}
	return string(b)
}

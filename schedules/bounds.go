package schedules

import "time"

// The forms and bounds of definitions. The document of the HTTP API states them.
const (
	// IDForm is the form of all ids that people or the service choose.
	IDForm = `^[a-z0-9][a-z0-9._-]{0,62}$`
	// LabelForm is the form of tags, series and persons: names in the letters of any script.
	LabelForm = `^[\p{L}\p{N}][\p{L}\p{N}\p{M}` + "\u200c\u200d" + `._-]{0,62}$`

	MaxLine   = 500            // characters in a line of text
	MaxWindow = 24 * time.Hour // length of a window and of its clock
	MaxFreeze = 7 * 24 * time.Hour
	// The time after which a station is starved: a poor link needs minutes for an answer.
	MinStarved, MaxStarved = 5 * time.Minute, 7 * 24 * time.Hour
	MaxFade                = time.Minute // the most that a position may shorten an item
	MaxNear                = time.Minute // how far from its end a fill may stop

	MinLoudness, MaxLoudness = -70, 0 // LUFS, for a station's target

	MaxWeight = 1_000_000 // weight of a soft rule

	MaxList    = 1000   // entries of a list or map; every plan reads each entry many times
	MaxPassage = 20_000 // characters of a passage in one language, and of the lines of a recurrence

	MaxSetPositions = 31 // of a recurrence: the library compares each with all others, for each year

	MaxStartsADay = 288    // of a recurrence, and of all windows of a station: one every five minutes
	MaxCounted    = 20_000 // sum of the COUNTs of a station's recurrences
	MaxYearsOff   = 50     // years until the first start of a recurrence
	MaxDates      = 5000   // RDATEs and EXDATEs of a station's recurrences

	MaxSearched = 400_000 // occurrences that the check of one request searches for overlaps
)

// The orders of a position's candidates (Position.Prefer); ByNewest and ByEpisode are also orders in which rules let
// segments air (Rule.InOrder).
const (
	PreferUnexposed = "unexposed" // the segment whose passages its listeners have heard least comes first
	ByNewest        = "newest"
	ByOldest        = "oldest"
	ByEpisode       = "episode"
)

// Preferences and Orders list the values of Position.Prefer and Rule.InOrder.
var (
	Preferences = []string{PreferUnexposed, ByNewest, ByOldest, ByEpisode}
	Orders      = []string{ByNewest, ByEpisode}
)

// MaxEpisode is the highest number of an episode.
const MaxEpisode = 100_000

// Separable lists the attributes by which a rule may separate airings.
var Separable = []string{"segment", "series", "voice", "script", "tag"}

// EditOps lists the operations of edits.
var EditOps = []string{"insert", "replace", "move", "remove", "lock", "unlock"}

// The values that a field may have, in the order of their declaration.
var (
	AllStates     = []State{Analysing, Rejected, Pending, Approved, Recalled}
	AllStartModes = []StartMode{Follow, Hard, Soft}
	AllOutcomes   = []Outcome{Aired, Cut, Skipped, Failed, FellBack}
	AllVerdicts   = []Verdict{AsPlanned, Short, Late, Missed, Substituted, Extra, Upcoming, Unreported}
	AllStatuses   = []RundownStatus{Draft, Published, Withdrawn}
)

package wire

import "encoding/json"

// DropSchema is the schema of a Drop.
const DropSchema = "lifeline.drop/1"

// Drop holds what a station could not report to the service: it leaves the drop, encrypted to the service, where the
// service finds it. Each report is a DSSE envelope of type AsRunType, as the station would send it.
type Drop struct {
	Schema  string            `json:"schema"`
	Reports []json.RawMessage `json:"reports"`
}

// MostDropBytes is the maximum size of a Drop.
const MostDropBytes = 64 << 20

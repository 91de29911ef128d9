package httpapi

import "lifeline/internal/wire"

var makeGoodStates = []string{wire.MakeGoodOwed, wire.MakeGoodPlanned, wire.MakeGoodAired, wire.MakeGoodWaived}

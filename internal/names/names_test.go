package names

import "testing"

func TestNamesThatLookAlikeAreOne(t *testing.T) {
	for _, pair := range [][2]string{
		{"Hana", "Hana"}, {"Hana", "hana"}, {"Hana", "HANA"}, {"Hana", "Hаna"}, // Cyrillic а
		{"Hana", "Нana"}, {"hana", "Нana"}, {"Hana", "НАNА"}, // Cyrillic Н, А
		{"Hana", "Ｈａｎａ"}, {"Hana", "𝐇ana"}, {"Hana", "Ha\u200dna"}, {"Hana", "Ha\u00adna"},
		{"Hana", "Hana\ufe0f"},
		{"Hana Kim", "Hana  Kim"}, {"Hana Kim", "HanaKim"}, {"Hana Kim", "Hana\u00a0Kim"},
		{"Ilya", "llya"}, {"Ilya", "ilya"}, {"Lila", "lila"}, {"hana", "Нɑna"}, {"Bera", "Вera"}, {"Bera", "вera"},
		{"Mary", "rnary"}, {"Olga", "0lga"},
		{"José", "Jose\u0301"}, {"Groß", "GROSS"}, {"김하나", "김 하나"},
		{"하나", "\u1112\u1161\u1102\u1161"}, {"ﬁona", "Fiona"}, {"Σοφίας", "ΣΟΦΊΑΣ"},
	} {
		if !Same(pair[0], pair[1]) || !Same(pair[1], pair[0]) {
			t.Errorf("%q and %q are two", pair[0], pair[1])
		}
	}
}

func TestNamesOfDifferentPersonsAreTwo(t *testing.T) {
	for _, pair := range [][2]string{{"Hana", "Hanna"}, {"Hana", "Ruth"}, {"Alia", "Alla"}, {"ALIA", "Alla"},
		{"José", "Jose"},
		{"하나", "하니"}, {"김하나", "김하늘"}, {"李明", "李鸣"}, {"Вера", "Вира"}, {"", ""}, {"\u200d", ""},
		{"\u200d", "\u200c"},
		{"Toy", "Tor"}, {"producer-1", "producer-2"}, {"relay", "replay"}} {
		if Same(pair[0], pair[1]) {
			t.Errorf("%q and %q are one", pair[0], pair[1])
		}
	}
}

func FuzzSameIsReflexiveAndSymmetric(f *testing.F) {
	f.Add("Hana", "нана")
	f.Fuzz(func(t *testing.T, a, b string) {
		if Same(a, b) != Same(b, a) || a != "" && !Same(a, a) {
			t.Errorf("%q, %q", a, b)
		}
	})
}

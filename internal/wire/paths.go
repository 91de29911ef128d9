package wire

import "net/url"

// Base is the prefix of every versioned path.
const Base = "/v1"

// Station returns the path of one station; further parts are escaped and appended.
func Station(id string, parts ...string) string {
	return join(Base+"/stations", append([]string{id}, parts...))
}

// Window returns the path of a station's window of a day ("2006-01-02") as a file of a format ("flac", "wav").
func Window(station, window, date, format string) string {
	return Station(station, "windows", window, date+"."+format)
}

// Segment returns the path of one segment; further parts are escaped and appended.
func Segment(id string, parts ...string) string {
	return join(Base+"/segments", append([]string{id}, parts...))
}

// People returns the path of the persons who work with the service, or, with an id, the path of one.
func People(id ...string) string { return join(Base+"/people", id) }

// Erasures returns the path of the erasures, or, with an id and perhaps a verb, the path of one.
func Erasures(parts ...string) string { return join(Base+"/erasures", parts) }

// Uploads returns the path at which tus uploads begin, or, with an id, the path of one.
func Uploads(id ...string) string { return join(Base+"/uploads", id) }

// Audio returns the path of a recording's bytes.
func Audio(sha256 string) string { return Base + "/audio/" + sha256 + ".mp3" }

func join(path string, parts []string) string {
	for _, p := range parts {
		path += "/" + url.PathEscape(p)
	}
	return path
}

// Definition returns the path of a definition: a station, clock, script or campaign.
func Definition(kind, id string, parts ...string) string {
	return join(Base+"/"+kind+"s", append([]string{id}, parts...))
}

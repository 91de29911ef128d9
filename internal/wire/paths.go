package wire

import "net/url"

// Base is the prefix of every versioned path.
const Base = "/v1"

// Station is the path of one station; the parts that follow are escaped and joined to it.
func Station(id string, parts ...string) string {
	return join(Base+"/stations", append([]string{id}, parts...))
}

// Window is the path of a station's window of a day ("2006-01-02") as a file of a format ("flac", "wav").
func Window(station, window, date, format string) string {
	return Station(station, "windows", window, date+"."+format)
}

// Segment is the path of one segment, likewise.
func Segment(id string, parts ...string) string {
	return join(Base+"/segments", append([]string{id}, parts...))
}

// Uploads is where tus uploads begin; an id names one.
func Uploads(id ...string) string { return join(Base+"/uploads", id) }

// Audio is the path of a recording's bytes.
func Audio(sha256 string) string { return Base + "/audio/" + sha256 + ".mp3" }

func join(path string, parts []string) string {
	for _, p := range parts {
		path += "/" + url.PathEscape(p)
	}
	return path
}

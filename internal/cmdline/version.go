package cmdline

import "runtime/debug"

// Version is what this program was built from: the module's version, or the commit where it was built from a checkout.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	version := info.Main.Version
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" && (version == "" || version == "(devel)") {
			version = setting.Value
		}
	}
	if version == "" {
		version = "(devel)"
	}
	return version + " " + info.GoVersion
}

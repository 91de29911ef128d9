package httpapi

import (
	"net/http"

	"lifeline/internal/openapi"
	"lifeline/internal/wire"
)

// uploadOperations are tus 1.0. Its own clients do them; what they send and hear is in headers.
func uploadOperations() []operation {
	const uploads, upload = "/v1/uploads", "/v1/uploads/:upload"
	header := func(name, says, example string, needed bool) openapi.Parameter {
		return openapi.Parameter{Name: name, In: "header", Description: says, Required: needed, Schema: openapi.String(),
			Example: example}
	}
	version := header("Tus-Resumable", "The version of the protocol.", wire.TusVersion, true)
	options := []answer{givesNothing(http.StatusNoContent, "The version, the extensions, the checksums and the largest "+
		"size.", "Tus-Version", "Tus-Extension",
		"Tus-Checksum-Algorithm", "Tus-Max-Size", "Tus-Resumable")}
	standing := []string{"Tus-Resumable", "Upload-Offset", "Upload-Length", "Upload-Expires", "Content-Location"}
	badVersion := "Tus-Resumable is not a version that is spoken here."
	return []operation{
		{at: "OPTIONS " + uploads, id: "getUploadOptions", tag: forProducers, summary: "What of tus is spoken here",
			answers: options},
		{at: "POST " + uploads, id: "startUpload", tag: forProducers, summary: "Begin an upload in pieces (tus 1.0)",
			detail: "Upload-Metadata has the fields of a segment, each in base64 (lists with commas between, script as JSON), " +
				"or all of them as JSON in meta; " +
				"or replaces, the segment that gets the recording, with its revision in If-Match; and sha256, if it is known, of " +
				"the whole.",
			headers: []openapi.Parameter{version, header("Upload-Length", "Bytes of the whole recording.", "524288000", true),
				header("Upload-Metadata", "What the upload becomes.", "kind cmVhZGluZw==,title VGhlIGFwcGVhbA==,language a28tS1A=",
					true)},
			match: matchTaken, answers: []answer{givesNothing(http.StatusCreated, "It is begun, at Location.",
				append([]string{"Location"}, standing...)...)},
			faults: map[int]string{http.StatusBadRequest: "The headers cannot be read.",
				http.StatusPreconditionFailed:    badVersion + " Or If-Match is not the latest revision.",
				http.StatusPreconditionRequired:  "A recording is replaced, and If-Match is missing.",
				http.StatusConflict:              "The id is taken.",
				http.StatusNotFound:              "The segment that it replaces is not there.",
				http.StatusRequestEntityTooLarge: "The recording, or the body, is too large.",
				http.StatusInsufficientStorage:   "Unfinished uploads fill the space that they may take."}},
		{at: "GET " + uploads, id: "listUploads", tag: forProducers, summary: "One's own unfinished uploads",
			answers: []answer{gives(http.StatusOK, "All of them.",
				wire.Page[wire.UploadState]{Items: []wire.UploadState{{ID: "0d9c6f2e41b7a8035c1e",
					URL:     "/v1/uploads/0d9c6f2e41b7a8035c1e",
					Segment: "reading-ko-full-hana", Offset: 5242880, Length: 524288000, ExpiresAt: examplePlus(24)}}})}},
		{at: "OPTIONS " + upload, id: "getUploadOptionsOfOne", tag: forProducers, summary: "What of tus is spoken here",
			answers: options},
		{at: "HEAD " + upload, id: "getUpload", tag: forProducers, summary: "Where an upload stands",
			headers: []openapi.Parameter{version},
			answers: []answer{givesNothing(http.StatusOK, "Upload-Offset says how much has arrived; Content-Location, once it "+
				"is done, what became of it.", append(standing, "Upload-Metadata")...)},
			faults: map[int]string{http.StatusGone: "It was given up.", http.StatusPreconditionFailed: badVersion}},
		{at: "PATCH " + upload, id: "appendUpload", tag: forProducers, summary: "Send the next piece",
			headers: []openapi.Parameter{version, header("Upload-Offset",
				"Where the piece begins: as far as the upload has come.", "5242880", true),
				header("Upload-Checksum", "sha256, sha1 or md5, a space, and the piece's digest in base64.",
					"sha1 Lve95gjOVATpfV8EL5X4nxwjKHE=", false)},
			takes:   []form{{mediaType: "application/offset+octet-stream", schema: openapi.String()}},
			answers: []answer{givesNothing(http.StatusNoContent, "The piece is there, durably.", standing...)},
			faults: map[int]string{http.StatusGone: "It was given up.", http.StatusPreconditionFailed: badVersion,
				http.StatusConflict:            "The upload stands at another byte.",
				http.StatusLocked:              "Another request is sending to it.",
				wire.StatusChecksumMismatch:    "The bytes do not have the checksum that was announced.",
				http.StatusInsufficientStorage: "No space is left.",
				http.StatusUnprocessableEntity: "A header is wrong: errors names it."}},
		{at: "DELETE " + upload, id: "cancelUpload", tag: forProducers, summary: "Give an upload up",
			headers: []openapi.Parameter{version},
			answers: []answer{givesNothing(http.StatusNoContent, "It is gone, and its space is free.", "Tus-Resumable")},
			faults: map[int]string{http.StatusGone: "It was given up before.", http.StatusPreconditionFailed: badVersion,
				http.StatusConflict: "It is done.", http.StatusLocked: "Another request is sending to it."}},
	}
}

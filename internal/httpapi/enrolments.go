package httpapi

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"reflect"

	"lifeline/internal/httpapi/apidoc"
	"lifeline/internal/openapi"
	"lifeline/internal/sign"
	"lifeline/internal/wire"
	"lifeline/schedules"
)

// enrolmentHandlers give stations their own keys.
type enrolmentHandlers struct{ *api }

func (a enrolmentHandlers) routes() []route {
	service := wire.Fingerprint{Keys: []string{"9f2c51d07be3a846"}}
	return []route{
		{a.newCode, apidoc.Route{Method: http.MethodPost, Path: "/v1/stations/:station/enrolment", Roles: admins,
			Confirmed: true, ID: "createEnrolmentCode", Tag: apidoc.ForSchedulers,
			Summary: "Create a one-time code to enrol a station",
			Detail: "The player of the station enrols with it once: it makes keys of its own, and gets an access token. A new " +
				"code replaces an earlier one. After 10 wrong tries a code is void.",
			Takes: apidoc.TakesJSON(wire.NewEnrolment{Life: schedules.Ms(3600000)}), Lenient: true,
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusCreated, "The code.", wire.EnrolmentCode{Station: "lantern-coast",
				Code: "7K3F-9QXT-M2WB-6RD0-VH8C-3N9J", ExpiresAt: examplePlus(1), Service: service})}}},
		{a.prove, apidoc.Route{Method: http.MethodGet, Path: "/v1/enrolments/proof", Open: true,
			ID: "proveService", Tag: apidoc.ForStations, Summary: "Get the proof that this is the service that a code names",
			Query: []openapi.Parameter{nonceParameter},
			Detail: "The answer is a DSSE envelope of type " + wire.ProofType + `; its payload is {"schema":"` + wire.ProofSchema +
				`","nonce","key","sealing_key"}, signed by that Ed25519 key. A player sends nothing of a code before it has ` +
				"checked that the code names this key, and then only sealed.",
			Answers: []apidoc.Answer{apidoc.GivesAs(envelopeType, http.StatusOK, "The envelope.", exampleProof)}}},
		{a.enrolSealed, apidoc.Route{Method: http.MethodPost, Path: "/v1/enrolments/sealed", Open: true,
			ID: "enrolStationSealed", Tag: apidoc.ForStations,
			Summary: "Enrol the keys of a station with a one-time code that nobody on the way can read",
			Detail: `The sealed text is {"enrolment","answer_key"}: the envelope that POST /v1/enrolments takes, and the key to ` +
				"which the answer is sealed. It is sealed to the sealing_key of the proof, for the purpose (info) " +
				wire.SealedEnrolmentPurpose + ", the answer for " + wire.SealedEnrolledPurpose + ".",
			MaxBytes: maxEnrolment,
			Takes:    apidoc.TakesJSON(wire.Sealed{Sealed: []byte("sealed")}),
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusCreated, "The station and its access token, sealed.",
				wire.Sealed{Sealed: []byte("sealed")})},
			Faults: map[int]string{http.StatusForbidden: "The code is not valid.",
				http.StatusConflict:        "The key was enrolled before, or the text is sealed to another key.",
				http.StatusTooManyRequests: "Too many codes were sent from this address."}}},
		{a.enrol, apidoc.Route{Method: http.MethodPost, Path: "/v1/enrolments", Open: true,
			ID: "enrolStation", Tag: apidoc.ForStations, Summary: "Enrol the keys of a station with a one-time code",
			Detail: "The body is a DSSE envelope of type " + wire.EnrolmentType + `; its payload is {"schema":"` +
				wire.EnrolmentSchema + `","code","signing_key","recipient"}, signed by that Ed25519 key. The keys replace the ` +
				"station's earlier ones. Whoever passes the envelope on can read the code: players send it sealed, to " +
				"POST /v1/enrolments/sealed, unless the code names no key. The same key may send its code again for five minutes, until the station has " +
				"reported; any other key is refused.",
			MaxBytes: maxEnrolment,
			Takes:    takesEnvelope(wire.EnrolmentType),
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusCreated, "The station and its access token.",
				wire.Enrolled{Station: "lantern-coast", KeyID: "4b1f0c6d8e2a9735", Token: "lifeline_0d9c6f2e41b7a8035c1e_…",
					Service: service})},
			Faults: map[int]string{http.StatusForbidden: "The code is not valid.",
				http.StatusConflict:        "The key was enrolled before.",
				http.StatusTooManyRequests: "Too many codes were sent from this address."}}},
		{a.seize, apidoc.Route{Method: http.MethodPost, Path: "/v1/stations/:station/seized", Roles: planning,
			Confirmed: true, ID: "seizeStation", Tag: apidoc.ForSchedulers, Summary: "Declare a station seized",
			Detail: "Its tokens end now, and with them its streams, leases and media addresses; its keys count no more, and " +
				"nothing is encrypted to them. It gets no token but by enrolling anew, which ends the seizure. The answer says " +
				"what whoever has the station may hold. The call may be repeated. More than five ends of others' access within " +
				"ten minutes wait (/v1/waiting).",
			Takes: apidoc.TakesJSON(wire.Reason{Reason: "the site was raided"}), Lenient: true,
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "What ended, and what the station may hold.",
				wire.Seizure{Station: "lantern-coast", SeizedAt: exampleStart, Tokens: []string{"0d9c6f2e41b7a8035c1e"},
					Keys: []string{"4b1f0c6d8e2a9735"}, LastContact: exampleStart, LeaseUntil: examplePlus(4),
					Queues: []wire.HeldQueue{{Date: exampleDate, Revision: 7}}, HeldUntil: &exampleDate,
					Segments: []wire.HeldSegment{{ID: "testimony-ko-river", Title: "The river", Sensitive: true}},
					Trusts:   service})}}},
		{a.keysOf, apidoc.Route{Method: http.MethodGet, Path: "/v1/stations/:station/keys", Roles: planning,
			ID: "listStationKeys", Tag: apidoc.ForSchedulers, Summary: "List the keys that a station has had",
			Answers: []apidoc.Answer{apidoc.Gives(http.StatusOK, "The keys, the oldest first.",
				wire.Page[wire.StationKey]{Items: []wire.StationKey{{ID: "4b1f0c6d8e2a9735", State: "active",
					Recipient: "age1…", PublicKey: []byte("\xd7Z\x98\x01\x82\xb1\n\xb7\xd5K\xfe\xd3\xc9d\x07:\x0e\xe1r\xf3\xda\xa6#%\xaf\x02\x1ah\xf7\x07Q\x1a"),
					Since: exampleStart}}})}}},
	}
}

// takesEnvelope is a body that is a DSSE envelope of a payload type.
func takesEnvelope(payloadType string) []apidoc.Body {
	return []apidoc.Body{{MediaType: envelopeType, GoType: reflect.TypeFor[wire.Envelope](), Use: openapi.Request,
		Example: wire.Envelope{PayloadType: payloadType, Payload: "eyJzY2hlbWEiOiLigKYifQ==",
			Signatures: []wire.Signature{{KeyID: "4b1f0c6d8e2a9735", Sig: "c2lnbmF0dXJl"}}}}}
}

func (a enrolmentHandlers) newCode(c *call) error {
	if _, err := a.Scheduler.Network.Station(c.station()); err != nil {
		return err
	}
	var in wire.NewEnrolment
	if err := c.decodeOptional(&in); err != nil {
		return err
	}
	out, err := a.Enrolments.NewCode(c.r.Context(), c.actor, c.station(), in.Life.Duration)
	if err != nil {
		return err
	}
	out.Service = a.fingerprint()
	c.w.Header().Set("Cache-Control", "no-store")
	return c.json(http.StatusCreated, out)
}

// maxEnrolment bounds the body of an enrolment, in bytes: anybody may send one.
const maxEnrolment = 16 << 10

// prove answers anybody: the proof says nothing that is secret.
func (a enrolmentHandlers) prove(c *call) error {
	nonce, err := c.query().freshNonce()
	if err != nil {
		return err
	}
	envelope, err := a.Enrolments.Prove(nonce)
	if err != nil {
		return err
	}
	c.w.Header().Set("Cache-Control", "no-store")
	return c.bytes(http.StatusOK, envelopeType, envelope)
}

// mayTry is open to anybody: who tries too often from one address is slowed down.
func (a enrolmentHandlers) mayTry(c *call) error {
	if err := a.limitPace(c, a.codes, a.outside.addressOf(c.r), "too many codes were sent from this address"); err != nil {
		return err
	}
	return a.Replica.CatchUp(c.r.Context())
}

func (a enrolmentHandlers) enrolSealed(c *call) error {
	var in wire.Sealed
	if err := c.decode(&in); err != nil {
		return err
	}
	if err := a.mayTry(c); err != nil {
		return err
	}
	sealed, err := a.Enrolments.EnrolSealed(c.r.Context(), in.Sealed, a.fingerprint())
	if err != nil {
		return err
	}
	c.w.Header().Set("Cache-Control", "no-store")
	return c.json(http.StatusCreated, wire.Sealed{Sealed: sealed})
}

func (a enrolmentHandlers) enrol(c *call) error {
	if err := a.requirePrivate(c); err != nil {
		return err
	}
	if err := a.mayTry(c); err != nil {
		return err
	}
	envelope, err := c.envelope()
	if err != nil {
		return err
	}
	out, err := a.Enrolments.Enrol(c.r.Context(), envelope)
	if err != nil {
		return err
	}
	out.Service = a.fingerprint()
	c.w.Header().Set("Cache-Control", "no-store")
	return c.json(http.StatusCreated, out)
}

// seize shuts a station out.
func (a enrolmentHandlers) seize(c *call) error {
	if _, err := a.Scheduler.Network.Station(c.station()); err != nil {
		return err
	}
	var in wire.Reason
	if err := c.decodeOptional(&in); err != nil {
		return err
	}
	out, err := a.Scheduler.Seizures.Seize(c.r.Context(), c.actor, c.station(), in.Reason)
	if err != nil {
		return err
	}
	a.viewHeld(c, out.Segments)
	out.Trusts = a.fingerprint()
	return c.json(http.StatusOK, out)
}

// fingerprint identifies what signs for the service.
func (a enrolmentHandlers) fingerprint() wire.Fingerprint {
	out := wire.Fingerprint{Keys: []string{}}
	for _, key := range a.Keys {
		out.Keys = append(out.Keys, sign.KeyID(key))
	}
	if n := len(a.Roots); n > 0 {
		sum := sha256.Sum256(a.Roots[n-1].Bytes())
		out.RootVersion, out.RootSHA256 = a.Roots[n-1].Version(), hex.EncodeToString(sum[:])
	}
	return out
}

// keysOf lists the public halves of a station's keys.
func (a enrolmentHandlers) keysOf(c *call) error {
	if _, err := a.Scheduler.Network.Station(c.station()); err != nil {
		return err
	}
	out := []wire.StationKey{}
	for _, k := range a.Scheduler.Network.Keys(c.station()) {
		out = append(out, wire.StationKey{ID: k.ID, State: string(k.State), PublicKey: k.Signing, Recipient: k.Recipient,
			Since: k.Since, Until: k.Until})
	}
	return page(c, out, "")
}

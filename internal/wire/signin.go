package wire

import "lifeline/schedules"

// AssertionHeader is the header by which a session confirms a request by passkey: an Assertion, as JSON in base64.
const AssertionHeader = "Lifeline-Assertion"

// ConfirmedHeader is the header by which a command line repeats a request that its person confirms in the console: the
// challenge of the refusal, in base64.
const ConfirmedHeader = "Lifeline-Confirmed"

// PasskeyChallenge is what a browser needs to ask for a passkey (navigator.credentials.get).
type PasskeyChallenge struct {
	Challenge []byte           `json:"challenge"`
	Host      string           `json:"host"`            // to which passkeys are bound (the relying party ID)
	Origin    string           `json:"origin"`          // where the console is
	Timeout   schedules.Millis `json:"timeout_ms"`      // for the person to act
	Allow     []AllowedPasskey `json:"allow,omitempty"` // none: any passkey of the host
	Link      string           `json:"link,omitempty"`  // for a command line: where in the console its person confirms
}

// AllowedPasskey is a passkey by which a browser may answer.
type AllowedPasskey struct {
	Credential []byte   `json:"credential"`
	Transports []string `json:"transports,omitempty"` // how browsers reach it, such as usb
}

// PasskeyCreation is what a browser needs to make a passkey (navigator.credentials.create).
type PasskeyCreation struct {
	PasskeyChallenge
	Party      string   `json:"party"`             // name of the service
	Handle     []byte   `json:"handle"`            // names the person to the device
	Name       string   `json:"name"`              // of the person
	Algorithms []int64  `json:"algorithms"`        // of keys, by their COSE numbers, the preferred first
	Exclude    [][]byte `json:"exclude,omitempty"` // passkeys that the person has: their devices make no second one
}

// Assertion is a browser's answer to a PasskeyChallenge.
type Assertion struct {
	Credential        []byte `json:"credential"` // the ID that the device gave the passkey
	ClientData        []byte `json:"client_data"`
	AuthenticatorData []byte `json:"authenticator_data"`
	Signature         []byte `json:"signature"`
	UserHandle        []byte `json:"user_handle,omitempty"` // needed to sign in
}

// NewPasskey is a browser's answer to a PasskeyCreation.
type NewPasskey struct {
	Name        string   `json:"name,omitempty"` // such as "grey key"; none: a number
	Credential  []byte   `json:"credential"`     // the ID that the device gave the passkey
	ClientData  []byte   `json:"client_data"`
	Attestation []byte   `json:"attestation"`
	Transports  []string `json:"transports,omitempty"`
	Attachment  string   `json:"attachment,omitempty"` // platform: it is in the device itself; or cross-platform
}

// EnrolmentCheck asks for a PasskeyCreation by a one-time code.
type EnrolmentCheck struct {
	Code  string   `json:"code"`            // as it was handed over, in any case, with or without hyphens
	Known [][]byte `json:"known,omitempty"` // the passkeys that were made with the code before
}

// PasskeyEnrolment enrols a person by a one-time code.
type PasskeyEnrolment struct {
	Code     string       `json:"code"`
	Passkeys []NewPasskey `json:"passkeys"` // at least two, on different devices
}

// Passkey is a passkey of a person.
type Passkey struct {
	ID        string            `json:"id"`
	Name      string            `json:"name"`
	CreatedAt schedules.Instant `json:"created_at"`
	UsedAt    schedules.Instant `json:"used_at"` // none: not since it was made
}

// SignInHeader is the header of answers to a command line in which a person is signed in: a SignInNotice for each later
// sign-in of the person that has not ended, as JSON in base64.
const SignInHeader = "Lifeline-Sign-In"

// SignInNotice tells a person of a sign-in.
type SignInNotice struct {
	Session string            `json:"session"` // its ID
	Name    string            `json:"name"`    // of the person
	At      schedules.Instant `json:"at"`
	Remote  string            `json:"remote,omitempty"` // network address from which the person signed in
	Agent   string            `json:"agent,omitempty"`  // what the browser says of itself, or the machine's name
	// the identity provider by which the person signed in; none: by passkey
	Provider string `json:"provider,omitempty"`
}

// Session is where a person is signed in.
type Session struct {
	ID     string `json:"id"`
	Person string `json:"person"`
	By     string `json:"by"`               // browser, or command line
	Remote string `json:"remote,omitempty"` // network address from which the person signed in
	Agent  string `json:"agent,omitempty"`  // what the browser says of itself
	// the identity provider by which the person signed in; none: by passkey
	Provider  string            `json:"provider,omitempty"`
	CreatedAt schedules.Instant `json:"created_at"`
	UsedAt    schedules.Instant `json:"used_at"`    // to five minutes
	ExpiresAt schedules.Instant `json:"expires_at"` // at the latest; an hour without a request ends it, too
	Present   bool              `json:"present"`    // this request's own
}

// SignedIn is a new session. A browser gets its secret as a cookie.
type SignedIn struct {
	Session
	Secret string `json:"secret,omitempty"` // of the command line; it stands for an access token
}

// SignInWays says how persons sign in.
type SignInWays struct {
	Provider string `json:"provider,omitempty"` // the house's identity provider, as it names itself; none: by passkey alone
}

// ProviderSignIn is what a browser needs to sign in by the identity provider.
type ProviderSignIn struct {
	Address string `json:"address"` // where the browser goes; the provider sends it back to the console with a state and a code
	Origin  string `json:"origin"`  // where the console is, to which the browser comes back
}

// ProviderAnswer is what a browser brings back from the identity provider.
type ProviderAnswer struct {
	State string `json:"state"`
	Code  string `json:"code"`
}

// PersonCode is a one-time code by which a person enrols, or a recovery that waits for a second person.
type PersonCode struct {
	Person    string             `json:"person"`
	Code      string             `json:"code,omitempty"`        // to hand over in person; none: a second person must approve
	Approved  []string           `json:"approved_by,omitempty"` // who approved a recovery
	ExpiresAt *schedules.Instant `json:"expires_at"`
}

// LoginAsk asks for a request by which a person signs in the command line of a machine.
type LoginAsk struct {
	Hash    string `json:"hash"`              // hex SHA-256 of the secret that the command line keeps
	Machine string `json:"machine,omitempty"` // what the machine calls itself
}

// LoginRequest is a request of a command line, as its link brings it to the console.
type LoginRequest struct {
	Challenge []byte `json:"challenge"`
	Hash      string `json:"hash"`
	Machine   string `json:"machine,omitempty"` // what the machine calls itself
	Remote    string `json:"remote"`            // network address from which the request came
}

// Login is a request of a command line with what the terminal shows.
type Login struct {
	Request   LoginRequest      `json:"request"`
	Code      string            `json:"code"`       // which the person types in the console; it stands in no link
	Link      string            `json:"link"`       // address of the console with the request
	ExpiresAt schedules.Instant `json:"expires_at"` // of the request
}

// LoginApproval signs in the command line that made a request.
type LoginApproval struct {
	Request LoginRequest `json:"request"`
	Code    string       `json:"code"` // that the terminal shows, in any case, with or without hyphens
}

// LoginCheck asks whether a request was approved, for who has the secret.
type LoginCheck struct {
	Request LoginRequest `json:"request"`
	Secret  string       `json:"secret"` // of which the request has the hash
}

// ConfirmationRequest is an act that a command line asks its person to confirm, as its link brings it to the console.
type ConfirmationRequest struct {
	Challenge []byte `json:"challenge"`
	Session   string `json:"session"`   // of the command line
	Operation string `json:"operation"` // its id in the OpenAPI document
	Method    string `json:"method"`
	Path      string `json:"path"`               // with the query
	IfMatch   string `json:"if_match,omitempty"` // the revision that is changed
	Hash      string `json:"hash"`               // hex SHA-256 of the body
}

// Confirmation confirms an act of a command line.
type Confirmation struct {
	Request   ConfirmationRequest `json:"request"`
	Assertion Assertion           `json:"assertion"` // over the challenge of the request
}

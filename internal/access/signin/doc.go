// Package signin signs persons in by passkey (WebAuthn), or by the house's identity provider, and keeps their sessions.
// There is no password.
//
//   - SignIn has all use cases; Site is the address at which browsers reach the service.
//   - codes.go: one-time codes that are handed over in person, and recovery by two other persons.
//   - passkeys.go: enrolment with two passkeys at once, further passkeys, and their end.
//   - identity.go: signing in by the identity provider, for a person who is linked with an identity there.
//   - sessions.go: sessions, by cookie in a browser or by a bearer credential of the command line.
//   - commandline.go: the way in which a person signs a command line in, through the console.
//   - stepup.go: the fresh assertion over one act that a session needs for what counts.
//   - challenge.go: challenges that need no store until they are used, and are used once.
package signin

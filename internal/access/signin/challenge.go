package signin

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/schedules"
)

// The purposes of challenges. A challenge for one purpose is refused for every other.
const (
	toSignIn  = "sign in"
	toEnrol   = "enrol"
	toConfirm = "confirm"
	toLogIn   = "log in"
	toReturn  = "return from the identity provider"
)

// challengeLife is how long a challenge may be answered.
const challengeLife = 5 * time.Minute

// The parts of a challenge: a random nonce, the end of its life in milliseconds since 1970, and an HMAC over the
// purpose, what it is bound to, and both. So nobody can fill the store by asking for challenges.
const (
	nonceBytes     = 16
	headBytes      = nonceBytes + 8
	challengeBytes = headBytes + sha256.Size
)

// challenge makes a challenge for a purpose, bound to parts.
func (s *SignIn) challenge(purpose string, parts ...string) []byte {
	var head [headBytes]byte
	rand.Read(head[:nonceBytes]) // never fails: crypto/rand
	binary.BigEndian.PutUint64(head[nonceBytes:], uint64(s.now().Add(challengeLife).UnixMilli()))
	return append(head[:], s.mac(head[:], purpose, parts)...)
}

func (s *SignIn) mac(head []byte, purpose string, parts []string) []byte {
	mac := hmac.New(sha256.New, s.key)
	for _, part := range append([]string{purpose, string(head)}, parts...) {
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		mac.Write(length[:])
		mac.Write([]byte(part))
	}
	return mac.Sum(nil)
}

var (
	errChallenge = fault.New(fault.Unauthenticated, "this was asked for too long ago, or was used, or is for something "+
		"else: try again")
	errUsed = fault.New(fault.Unauthenticated, "this was used already: try again")
)

// expects fails with Unauthenticated unless a challenge was made for the purpose and the parts, and has not expired.
func (s *SignIn) expects(challenge []byte, purpose string, parts ...string) error {
	if len(challenge) != challengeBytes ||
		!hmac.Equal(challenge[headBytes:], s.mac(challenge[:headBytes], purpose, parts)) ||
		!s.now().Before(ends(challenge)) {
		return errChallenge
	}
	return nil
}

func ends(challenge []byte) time.Time {
	return time.UnixMilli(int64(binary.BigEndian.Uint64(challenge[nonceBytes:headBytes])))
}

// spend returns the write that marks a challenge as used. It fails with Unauthenticated if it is. A commit with the
// write fails if another request uses the challenge first.
func (s *SignIn) spend(ctx context.Context, challenge []byte) (store.Write, error) {
	_, err := s.replica.Store.Get(ctx, KindChallenge, idOf(challenge))
	if err == nil {
		return store.Write{}, errUsed
	}
	if !fault.Is(err, fault.NotFound) {
		return store.Write{}, err
	}
	return writeUsed(challenge, "")
}

func idOf(challenge []byte) string { return hex.EncodeToString(challenge[:nonceBytes]) }

// confirmed ends the id of the document that stands beside a used challenge until its confirmation is used.
const confirmed = "-confirmed"

// writeUsed returns the write of a document about a used challenge, whose id has an ending.
func writeUsed(challenge []byte, ending string) (store.Write, error) {
	body, err := replica.Encode(usedChallenge{schedules.At(ends(challenge))})
	return store.Write{Kind: KindChallenge, ID: idOf(challenge) + ending, Body: body}, err
}

// forgetChallenges removes used challenges that have expired.
func (s *SignIn) forgetChallenges(ctx context.Context) error {
	docs, err := replica.List(ctx, s.replica.Store, KindChallenge, "", "")
	if err != nil {
		return err
	}
	var writes []store.Write
	for _, d := range docs {
		used, err := replica.Decode[usedChallenge](d)
		if err != nil {
			return err
		}
		if len(writes) < mostAtOnce && !s.now().Before(used.ExpiresAt.Time) {
			writes = append(writes, store.Write{Kind: KindChallenge, ID: d.ID, Expect: d.Revision, Delete: true})
		}
	}
	return s.remove(ctx, "challenge.forget", writes)
}

// mostAtOnce bounds the writes of one commit of the sweep.
const mostAtOnce = 500

// remove commits deletions of the sweep, if any. Another replica may have been first.
func (s *SignIn) remove(ctx context.Context, action string, writes []store.Write) error {
	if len(writes) == 0 {
		return nil
	}
	err := s.replica.Commit(ctx, store.Commit{Writes: writes, Origin: access.System.Origin(s.now(), action, "")})
	if errors.Is(err, replica.ErrRace) {
		return nil
	}
	return err
}

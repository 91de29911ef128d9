package idempotency

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"
	"sync"
	"time"

	"lifeline/internal/access"
	"lifeline/internal/fault"
	"lifeline/internal/replica"
	"lifeline/internal/store"
	"lifeline/schedules"
)

// KindAnswer is the kind of a stored answer: its id is the hash of the request's key.
const KindAnswer = "answer"

var Kinds = replica.Kinds{{Name: KindAnswer, Form: reflect.TypeFor[keptAnswer](),
	Inspect: replica.Readable[keptAnswer]}}

// LongestKey bounds the name that a caller gives a request, in bytes.
const LongestKey = 255

const (
	answerKept  = 24 * time.Hour
	answerLease = time.Minute // how long a silent first request blocks repetitions
	maxAnswer   = 4 << 20     // compressed; a larger answer is not stored
)

// Store keeps the first answer to each request with a key of its sender, so that repeating it is safe. Only the secret
// and the key of the first sender can decrypt a stored answer, because an answer may contain a secret itself.
type Store struct {
	docs  replica.Documents
	now   func() time.Time
	owner string // this process

	mu      sync.Mutex
	running map[string]bool // by document id
}

// NewStore returns a Store that keeps answers in s.
func NewStore(s replica.Documents, now func() time.Time) *Store {
	return &Store{docs: s, now: now, owner: replica.NewID(), running: map[string]bool{}}
}

// Answer is a whole answer with the fingerprint of its request.
type Answer struct {
	Status int               `json:"status"`
	Header map[string]string `json:"header"`
	Body   []byte            `json:"body"`
	Print  []byte            `json:"print"` // hash of the request's body
	Bytes  int64             `json:"bytes"` // hashed bytes of the request's body
}

// keptAnswer is the stored form. Without Encrypted, the first request is still running.
type keptAnswer struct {
	Owner     string            `json:"owner"`
	Until     schedules.Instant `json:"until"` // end of the lease, then of the answer
	Encrypted []byte            `json:"sealed,omitempty"`
}

// FirstRequest is a running request that blocks its repetitions. Keep or Drop ends it.
type FirstRequest struct {
	store    *Store
	id       string
	cipher   cipher.AEAD
	actor    access.Actor
	mu       sync.Mutex
	revision int64
	stop     context.CancelFunc
	done     chan struct{}
}

// Begin looks up the answer to a request. name must distinguish the request from all others and must contain the
// sender's secret. Begin returns the stored answer, or else the right to be the first. It fails with Conflict while
// another request is the first.
func (k *Store) Begin(ctx context.Context, a access.Actor, name ...string) (*Answer, *FirstRequest, error) {
	text := []byte(strings.Join(name, "\x00"))
	sum := sha256.Sum256(append([]byte("id\x00"), text...))
	f := &FirstRequest{store: k, id: hex.EncodeToString(sum[:]), actor: a, done: make(chan struct{})}
	key := sha256.Sum256(append([]byte("key\x00"), text...))
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, nil, err
	}
	if f.cipher, err = cipher.NewGCM(block); err != nil {
		return nil, nil, err
	}
	kept, err := f.find(ctx)
	if err != nil || kept != nil {
		return kept, nil, err
	}
	k.mu.Lock()
	taken := k.running[f.id]
	k.running[f.id] = true
	k.mu.Unlock()
	if taken {
		return nil, nil, errUnderWay
	}
	if err := f.write(ctx, keptAnswer{Until: schedules.At(k.now().Add(answerLease))}, "answer.begin"); err != nil {
		k.forget(f.id)
		if fault.Is(err, fault.Stale) || fault.Is(err, fault.Conflict) {
			err = errUnderWay
		}
		return nil, nil, err
	}
	ctx, f.stop = context.WithCancel(context.WithoutCancel(ctx))
	go f.renew(ctx)
	return nil, f, nil
}

var errUnderWay = fault.New(fault.Conflict, "the first request with this Idempotency-Key is still under way: wait "+
	"for its answer")

// find returns the stored answer, if it has not expired.
func (f *FirstRequest) find(ctx context.Context) (*Answer, error) {
	d, err := f.store.docs.Get(ctx, KindAnswer, f.id)
	if fault.Is(err, fault.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	kept, err := replica.Decode[keptAnswer](d)
	if err != nil {
		return nil, err
	}
	f.revision = d.Revision
	switch {
	case !f.store.now().Before(kept.Until.Time):
		return nil, nil
	case kept.Encrypted != nil:
		return f.decrypt(kept.Encrypted)
	case kept.Owner == f.store.owner && !f.store.runs(f.id):
		return nil, nil // it ended without an answer
	}
	return nil, errUnderWay
}

// renew renews the lease until the request ends. If the store is out of reach, another request may begin after the
// lease.
func (f *FirstRequest) renew(ctx context.Context) {
	defer close(f.done)
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(answerLease / 3):
			f.write(ctx, keptAnswer{Until: schedules.At(f.store.now().Add(answerLease))}, "answer.renew")
		}
	}
}

// Keep stores the answer for a day.
func (f *FirstRequest) Keep(ctx context.Context, a Answer) error {
	defer f.end()
	f.stop()
	<-f.done
	encrypted, err := f.encrypt(a)
	if err != nil {
		return err
	}
	if len(encrypted) > maxAnswer {
		return fmt.Errorf("idempotency: an answer of %d bytes is too large to keep", len(encrypted))
	}
	return f.write(context.WithoutCancel(ctx), keptAnswer{Until: schedules.At(f.store.now().Add(answerKept)),
		Encrypted: encrypted}, "answer.keep")
}

// Drop allows the request to be repeated.
func (f *FirstRequest) Drop(ctx context.Context) error {
	defer f.end()
	f.stop()
	<-f.done
	return f.commit(context.WithoutCancel(ctx), store.Write{Delete: true}, "answer.drop")
}

func (f *FirstRequest) end() { f.store.forget(f.id) }

func (k *Store) forget(id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.running, id)
}

func (k *Store) runs(id string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.running[id]
}

func (f *FirstRequest) write(ctx context.Context, v keptAnswer, action string) error {
	v.Owner = f.store.owner
	body, err := replica.Encode(v)
	if err != nil {
		return err
	}
	return f.commit(ctx, store.Write{Body: body}, action)
}

func (f *FirstRequest) commit(ctx context.Context, w store.Write, action string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	w.Kind, w.ID, w.Expect = KindAnswer, f.id, f.revision
	changes, err := f.store.docs.Commit(ctx, store.Commit{Writes: []store.Write{w}, Origin: f.actor.Origin(f.store.now(),
		action, "")})
	if err == nil {
		f.revision = changes[0].Revision
	}
	return err
}

func (f *FirstRequest) encrypt(a Answer) ([]byte, error) {
	plain, err := replica.Encode(a)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(plain) // writing to a Buffer never fails
	if err := z.Close(); err != nil {
		return nil, err
	}
	nonce := make([]byte, f.cipher.NonceSize())
	rand.Read(nonce) // never fails: crypto/rand
	return f.cipher.Seal(nonce, nonce, b.Bytes(), []byte(f.id)), nil
}

func (f *FirstRequest) decrypt(encrypted []byte) (*Answer, error) {
	n := f.cipher.NonceSize()
	if len(encrypted) < n {
		return nil, fmt.Errorf("idempotency: kept answer %s is cut short", f.id)
	}
	zipped, err := f.cipher.Open(nil, encrypted[:n], encrypted[n:], []byte(f.id))
	if err != nil {
		return nil, fmt.Errorf("idempotency: kept answer %s: %w", f.id, err)
	}
	z, err := gzip.NewReader(bytes.NewReader(zipped))
	if err != nil {
		return nil, fmt.Errorf("idempotency: kept answer %s: %w", f.id, err)
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		return nil, fmt.Errorf("idempotency: kept answer %s: %w", f.id, err)
	}
	a := &Answer{}
	return a, json.Unmarshal(plain, a)
}

// Forget removes expired answers.
func (k *Store) Forget(ctx context.Context) error {
	docs, err := replica.List(ctx, k.docs, KindAnswer, "", "")
	if err != nil {
		return err
	}
	for _, d := range docs {
		kept, err := replica.Decode[keptAnswer](d)
		if err != nil {
			return err
		}
		if k.now().Before(kept.Until.Time) {
			continue
		}
		_, err = k.docs.Commit(ctx, store.Commit{Writes: []store.Write{{Kind: KindAnswer, ID: d.ID, Expect: d.Revision,
			Delete: true}},
			Origin: access.System.Origin(k.now(), "answer.forget", "")})
		if err != nil && !fault.Is(err, fault.Stale) { // a new request uses the name
			return err
		}
	}
	return nil
}

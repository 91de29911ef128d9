package mirror

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"filippo.io/age"

	"lifeline/internal/fault"
)

// Stream encrypts a file that ends by itself, such as a tar file: zeros after its end pad it to one of few lengths.
type Stream struct {
	to io.WriteCloser
	n  int64
}

// NewStream returns a Stream that writes to w for the recipients.
func NewStream(w io.Writer, to ...age.Recipient) (*Stream, error) {
	out, err := age.Encrypt(w, to...)
	if err != nil {
		return nil, fmt.Errorf("mirror: %w", err)
	}
	return &Stream{to: out}, nil
}

// Write implements io.Writer.
func (s *Stream) Write(p []byte) (int, error) {
	n, err := s.to.Write(p)
	s.n += int64(n)
	return n, err
}

// Close pads and ends the file. It does not close the writer below.
func (s *Stream) Close() error {
	_, err := io.CopyN(s.to, zeros{}, PaddedLength(s.n)-prefix-s.n)
	return errors.Join(err, s.to.Close())
}

// encryptedBy begins every file of age.
var encryptedBy = []byte("age-encryption.org/")

// Encrypted reports whether a file is encrypted. It reads nothing of it.
func Encrypted(in *bufio.Reader) bool {
	begins, _ := in.Peek(len(encryptedBy)) // a shorter file is not
	return bytes.Equal(begins, encryptedBy)
}

// Decrypt returns the content of a file that Stream wrote. It fails with Forbidden if none of the keys opens it.
func Decrypt(in io.Reader, keys ...age.Identity) (io.Reader, error) {
	if len(keys) == 0 {
		return nil, fault.New(fault.Forbidden, "it is encrypted, and there is no key to open it with")
	}
	content, err := age.Decrypt(in, keys...)
	if errors.As(err, new(*age.NoIdentityMatchError)) {
		return nil, fault.New(fault.Forbidden, "it is encrypted to another key")
	}
	if err != nil {
		return nil, fault.New(fault.Invalid, "it is encrypted, and damaged: %v", err)
	}
	return content, nil
}

package mirror

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/bits"

	"filippo.io/age"

	"lifeline/internal/fault"
)

// leastLength is the least length of padded content in bytes: most documents have the same.
const leastLength = 16 << 10

// prefix is the length of the number before the content that says how long the content is.
const prefix = 8

// PaddedLength returns the length to which content of n bytes is padded, its prefix included. Lengths are those of
// Padmé (Nikitin et al., "Reducing Metadata Leakage from Encrypted Files and Communication with PURBs", section 4), and
// at least 16 KiB. Above that Padmé adds at most 7 %, and less the longer the content is: at most 3.2 % to a recording
// of a megabyte.
func PaddedLength(n int64) int64 {
	length := max(n+prefix, leastLength)
	exponent := bits.Len64(uint64(length)) - 1
	low := exponent - bits.Len64(uint64(exponent)) // of the bits after the first, as many may differ as write the exponent
	mask := int64(1)<<low - 1
	return (length + mask) &^ mask
}

// Encrypt writes content of n bytes to w, padded and encrypted to the recipients. It fails if the content is not n
// bytes.
func Encrypt(w io.Writer, content io.Reader, n int64, to ...age.Recipient) error {
	all, err := decoys(to)
	if err != nil {
		return err
	}
	encrypted, err := age.Encrypt(w, all...)
	if err != nil {
		return fmt.Errorf("mirror: %w", err)
	}
	if _, err := encrypted.Write(binary.BigEndian.AppendUint64(nil, uint64(n))); err != nil {
		return err
	}
	came, err := io.Copy(encrypted, io.LimitReader(content, n+1))
	if err != nil {
		return err
	}
	if came != n {
		return fault.New(fault.Unavailable, "content of %d bytes came with another length", n)
	}
	if _, err := io.CopyN(encrypted, zeros{}, PaddedLength(n)-prefix-n); err != nil {
		return err
	}
	return encrypted.Close()
}

// decoys returns the recipients, and as many more that nobody has as make their number a power of two.
func decoys(to []age.Recipient) ([]age.Recipient, error) {
	if len(to) == 0 {
		return nil, errors.New("mirror: there is nobody to encrypt to")
	}
	all := append([]age.Recipient{}, to...)
	for bits.OnesCount(uint(len(all))) != 1 {
		nobody, err := age.GenerateX25519Identity()
		if err != nil {
			return nil, err
		}
		all = append(all, nobody.Recipient())
	}
	return all, nil
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// EncryptBytes returns content as Encrypt writes it.
func EncryptBytes(content []byte, to ...age.Recipient) ([]byte, error) {
	var b bytes.Buffer
	err := Encrypt(&b, bytes.NewReader(content), int64(len(content)), to...)
	return b.Bytes(), err
}

// Open returns a reader of the content that Encrypt wrote. It fails with Forbidden if the file is for somebody else,
// and with Invalid if it is no such file or its content has more than most bytes.
func Open(encrypted io.Reader, most int64, keys ...age.Identity) (io.Reader, error) {
	content, err := age.Decrypt(encrypted, keys...)
	if errors.As(err, new(*age.NoIdentityMatchError)) {
		return nil, fault.New(fault.Forbidden, "it is encrypted, and not to this reader")
	}
	if err != nil {
		return nil, fault.New(fault.Invalid, "it is no encrypted file: %v", err)
	}
	var length [prefix]byte
	if _, err := io.ReadFull(content, length[:]); err != nil {
		return nil, fault.New(fault.Invalid, "it is no encrypted file: %v", err)
	}
	n := binary.BigEndian.Uint64(length[:])
	if n > uint64(most) {
		return nil, fault.New(fault.Invalid, "it says to have %d bytes, over %d", n, most)
	}
	return &exactly{io.LimitReader(content, int64(n)), int64(n)}, nil
}

// exactly fails if the content ends before its stated length.
type exactly struct {
	from io.Reader
	left int64
}

func (e *exactly) Read(p []byte) (int, error) {
	n, err := e.from.Read(p)
	if e.left -= int64(n); errors.Is(err, io.EOF) && e.left > 0 {
		return n, io.ErrUnexpectedEOF
	}
	return n, err
}

// OpenBytes returns the content that EncryptBytes encrypted, as Open does.
func OpenBytes(encrypted []byte, most int64, keys ...age.Identity) ([]byte, error) {
	content, err := Open(bytes.NewReader(encrypted), most, keys...)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(content)
	if err != nil {
		return nil, fault.New(fault.Invalid, "it is damaged: %v", err)
	}
	return b, nil
}

// PointerName returns the name of the pointer of the station that has a recipient.
func PointerName(recipient string) string {
	return hash([]byte("lifeline mirror pointer 1\n" + recipient))
}

// DropName returns the name of what the station that has a recipient drops into a folder.
func DropName(recipient string) string { return hash([]byte("lifeline drop 1\n"+recipient)) + ".drop" }

// FileName returns the name of a file with a hash in the tree.
func FileName(sha256 string) string { return sha256[:2] + "/" + sha256 }

func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// MostEncrypted returns the most bytes that a file with content of n bytes can have: its recipients take a hundred
// bytes each, and encryption adds 16 bytes to each 64 KiB.
func MostEncrypted(n int64) int64 { return PaddedLength(n) + PaddedLength(n)>>12 + 1<<20 }

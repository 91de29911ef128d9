package harness

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Issuer is an authority of a test's own, that signs certificates.
type Issuer struct {
	Root *x509.Certificate
	key  *ecdsa.PrivateKey
}

// NewIssuer makes an authority whose certificate is valid for decades.
func NewIssuer(t testing.TB) *Issuer {
	t.Helper()
	now := time.Now()
	i := &Issuer{key: newKey(t)}
	i.Root = &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority " + rand.Text()},
		NotBefore: now.AddDate(-20, 0, 0), NotAfter: now.AddDate(20, 0, 0), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign}
	i.Root = i.sign(t, i.Root, i.Root, &i.key.PublicKey)
	return i
}

// Issue makes a certificate for a name or an address, for servers and clients, valid from and until instants.
func (i *Issuer) Issue(t testing.TB, name string, from, until time.Time) tls.Certificate {
	t.Helper()
	key := newKey(t)
	template := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotBefore: from,
		NotAfter: until, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	if ip := net.ParseIP(name); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{name}
	}
	leaf := i.sign(t, template, i.Root, &key.PublicKey)
	return tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}
}

func (i *Issuer) sign(t testing.TB, template, parent *x509.Certificate, of *ecdsa.PublicKey) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, of, i.key)
	if err != nil {
		t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// File writes the authority's certificate into a file.
func (i *Issuer) File(t testing.TB) string {
	t.Helper()
	return writePEM(t, "CERTIFICATE", i.Root.Raw)
}

// WritePair writes a certificate and its key into files.
func WritePair(t testing.TB, pair tls.Certificate) (cert, key string) {
	t.Helper()
	secret, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return writePEM(t, "CERTIFICATE", pair.Certificate[0]), writePEM(t, "PRIVATE KEY", secret)
}

func writePEM(t testing.TB, kind string, der []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file.pem")
	if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// LinkSamples adds to samples of flags those of how a program reaches the service.
func LinkSamples(t testing.TB, samples map[string]string) map[string]string {
	t.Helper()
	i := NewIssuer(t)
	samples["tls-ca"] = i.File(t)
	samples["tls-client-cert"], samples["tls-client-key"] = WritePair(t, i.Issue(t, "lantern", i.Root.NotBefore,
		i.Root.NotAfter))
	samples["tls-pin"] = "sha256/" + strings.Repeat("A", 43) + "="
	return samples
}

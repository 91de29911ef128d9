package site

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pkg/sftp"
	"golang.org/x/net/webdav"

	"lifeline/internal/delivery/form"
	"lifeline/internal/fault"
	"lifeline/internal/harness"
	"lifeline/internal/mirror/push"
)

// place is a site under test, and the folder in which its files lie.
type place struct {
	target, folder string
	with           Secrets
}

func (p place) open(t testing.TB) Remote {
	t.Helper()
	s, err := Open(t.Context(), p.target, p.with)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func secretFile(t testing.TB, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func folder(t testing.TB) place {
	dir := t.TempDir()
	return place{target: dir, folder: dir}
}

func ssh(t testing.TB) place {
	s := harness.StartSFTP(t)
	with := Secrets{Credentials: push.Credentials{KnownHosts: s.Known, Identity: s.Identity}}
	return place{"sftp://radio@" + s.Address + s.Folder, s.Folder, with}
}

func ftpServer(t testing.TB, scheme string, settings ...string) place {
	s := harness.StartFTP(t, settings...)
	return place{scheme + "://anonymous@" + s.Address + s.Folder, s.Folder,
		Secrets{Password: secretFile(t, "secret"), Authorities: s.Certificate}}
}

// secured are the settings of vsftpd that refuse what is not encrypted.
var secured = []string{"ssl_enable=YES", "allow_anon_ssl=YES", "force_anon_logins_ssl=YES", "force_anon_data_ssl=YES"}

func dav(t testing.TB) place {
	dir := t.TempDir()
	files := &webdav.Handler{FileSystem: webdav.Dir(dir), LockSystem: webdav.NewMemLS()}
	s := httptest.NewServer(protected(files))
	t.Cleanup(s.Close)
	return place{"dav+" + strings.Replace(s.URL, "://", "://radio@", 1) + "/", dir,
		Secrets{Password: secretFile(t, "secret")}}
}

// protected asks for a user and a password.
func protected(files http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "radio" || password != "secret" {
			w.Header().Set("WWW-Authenticate", `Basic realm="site"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		files.ServeHTTP(w, r)
	})
}

func bucket(t testing.TB) place {
	b := harness.StartBucket(t)
	return place{"s3+" + b.Endpoint + "/" + b.Name + "/in", filepath.Join(b.Files, b.Name, "in"),
		Secrets{Credentials: push.Credentials{AccessKey: b.AccessKey, SecretKey: b.Secret, Region: "us-east-1"}}}
}

// edition returns a parcel whose every byte says which edition it is of.
func edition(t testing.TB, n, size int) Parcel {
	t.Helper()
	content := bytes.Repeat([]byte{byte('0' + n)}, size)
	sums, err := form.Sum(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	return Parcel{Name: "Appeal 1.mp3", Sums: sums, Content: bytes.NewReader(content), Trigger: "Appeal 1.ok",
		Beside: map[string][]byte{"Appeal 1.ok": {}, "Appeal 1.mp3.sha256": []byte(sums.SHA256 + "  Appeal 1.mp3\n"),
			"Appeal 1.txt": fmt.Appendf(nil, "edition %d", n)}}
}

// poller takes what lies under the final names, at every step of a delivery.
type poller struct {
	t      testing.TB
	folder string

	mu  sync.Mutex   // clients read what they send in goroutines of their own
	saw map[byte]int // editions
}

// took returns how often it took each edition.
func (p *poller) took() map[byte]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.saw)
}

// look takes what is there now. Whole is one edition from end to end; with a trigger, all that is there belongs to it.
func (p *poller) look() {
	p.t.Helper()
	got := p.read("Appeal 1.mp3")
	if _, err := os.Stat(filepath.Join(p.folder, "Appeal 1.ok")); err == nil {
		sums, err := form.Sum(bytes.NewReader(got))
		if side := string(p.read("Appeal 1.mp3.sha256")); err != nil || !strings.HasPrefix(side, sums.SHA256) {
			p.t.Errorf("the trigger is there, and the file is not what its hash says: %v", err)
		}
		if text := string(p.read("Appeal 1.txt")); len(got) == 0 || text != "edition "+string(got[0]) {
			p.t.Errorf("the trigger is there, and what is beside the file is %q", text)
		}
	}
	if len(got) == 0 {
		return
	}
	if len(got) != size || len(bytes.Trim(got, string(got[:1]))) != 0 {
		p.t.Errorf("the poller took %d bytes of %d", len(got), size)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.saw[got[0]]++
}

func (p *poller) read(name string) []byte {
	b, err := os.ReadFile(filepath.Join(p.folder, name))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		p.t.Error(err)
	}
	return b
}

const size = 60_000

// polled is a site at which the poller looks before and after every call, and while bytes are on their way.
type polled struct {
	Remote
	*poller
}

func (s polled) Write(ctx context.Context, name string, n int64, content io.ReadSeeker) error {
	s.look()
	defer s.look()
	return s.Remote.Write(ctx, name, n, looking{content, s.poller})
}

func (s polled) Rename(ctx context.Context, from, to string) error {
	s.look()
	defer s.look()
	return s.Remote.Rename(ctx, from, to)
}

func (s polled) Remove(ctx context.Context, name string) error {
	s.look()
	defer s.look()
	return s.Remote.Remove(ctx, name)
}

type looking struct {
	io.ReadSeeker
	by *poller
}

func (l looking) Read(p []byte) (int, error) {
	l.by.look()
	return l.ReadSeeker.Read(p)
}

func files(t testing.TB, folder string) []string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		if !e.IsDir() {
			out = append(out, e.Name())
		}
	}
	return out
}

// all are the names of a parcel that was delivered.
var all = []string{"Appeal 1.mp3", "Appeal 1.mp3.sha256", "Appeal 1.ok", "Appeal 1.txt"}

func TestEverySiteGetsWholeFilesOnceAndReplacesThem(t *testing.T) {
	for name, start := range map[string]func(testing.TB) place{
		"folder": folder, "sftp": ssh, "dav": dav, "bucket": bucket,
		"ftp":  func(t testing.TB) place { return ftpServer(t, "ftp") },
		"ftps": func(t testing.TB) place { return ftpServer(t, "ftps", secured...) },
		"ftps+implicit": func(t testing.TB) place {
			return ftpServer(t, "ftps+implicit", append(secured, "implicit_ssl=YES")...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t)
			watch := &poller{t: t, folder: p.folder, saw: map[byte]int{}}
			to := polled{p.open(t), watch}
			for n := 1; n <= 2; n++ {
				parcel := edition(t, n, size)
				got, err := Deliver(t.Context(), to, parcel)
				whole := parcel.Sums.Bytes
				for _, b := range parcel.Beside {
					whole += int64(len(b))
				}
				if err != nil || got != (Delivered{Name: "Appeal 1.mp3", Bytes: whole, Renamed: true}) {
					t.Fatalf("edition %d: %+v, %v", n, got, err)
				}
				if b := watch.read("Appeal 1.mp3"); len(b) != size || b[0] != byte('0'+n) {
					t.Errorf("edition %d: %d bytes are there", n, len(b))
				}
				if there := files(t, p.folder); !slices.Equal(there, all) {
					t.Errorf("edition %d: %v is there", n, there)
				}
				if got, err := Deliver(t.Context(), p.open(t), edition(t, n, size)); err != nil || got.Bytes != 0 {
					t.Errorf("edition %d again: %+v, %v", n, got, err)
				}
			}
			if saw := watch.took(); saw['1'] == 0 || saw['2'] == 0 {
				t.Errorf("the poller saw %v", saw)
			}
			if err := Withdraw(t.Context(), to, edition(t, 2, size)); err != nil {
				t.Error(err)
			}
			if there := files(t, p.folder); len(there) > 0 {
				t.Errorf("%v is there after it was withdrawn", there)
			}
			if err := to.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// dying is a site to which the link dies at one call, before or after the site has done it.
type dying struct {
	Remote
	calls *int // that are left
	after bool
}

var errDead = errors.New("the link died")

func (d dying) do(act func() error) error {
	*d.calls--
	switch {
	case *d.calls > 0 || *d.calls == 0 && d.after:
		err := act()
		if *d.calls == 0 {
			return errors.Join(errDead, err)
		}
		return err
	}
	return errDead
}

func (d dying) Names(ctx context.Context) (out map[string]int64, err error) {
	err = d.do(func() (err error) { out, err = d.Remote.Names(ctx); return err })
	return out, err
}

func (d dying) Write(ctx context.Context, name string, n int64, content io.ReadSeeker) error {
	return d.do(func() error {
		if *d.calls > 0 {
			return d.Remote.Write(ctx, name, n, content)
		}
		half := make([]byte, n/2) // what came before it died
		if _, err := io.ReadFull(content, half); err != nil {
			return err
		}
		return d.Remote.Write(ctx, name, n/2, bytes.NewReader(half))
	})
}

func (d dying) Open(ctx context.Context, name string) (out io.ReadCloser, err error) {
	err = d.do(func() (err error) { out, err = d.Remote.Open(ctx, name); return err })
	return out, err
}

func (d dying) Rename(ctx context.Context, from, to string) error {
	return d.do(func() error { return d.Remote.Rename(ctx, from, to) })
}

func (d dying) Remove(ctx context.Context, name string) error {
	return d.do(func() error { return d.Remote.Remove(ctx, name) })
}

func TestADeliveryThatDiesAtAnyCallGoesOnWhereItWas(t *testing.T) {
	step := 1
	if testing.Short() {
		step = 7
	}
	for _, after := range []bool{false, true} {
		for _, replaces := range []bool{false, true} {
			for most, over := 1, false; !over; most += step {
				p := folder(t)
				watch := &poller{t: t, folder: p.folder, saw: map[byte]int{}}
				if _, err := Deliver(t.Context(), p.open(t), edition(t, 1, size)); err != nil {
					t.Fatal(err)
				}
				through := func(s Remote) Remote {
					if replaces {
						return s
					}
					return noReplace{s}
				}
				calls := most
				_, err := Deliver(t.Context(), dying{through(polled{p.open(t), watch}), &calls, after}, edition(t, 2, size))
				over = err == nil
				if err != nil && !errors.Is(err, errDead) {
					t.Errorf("call %d: %v", most, err)
				}
				watch.look()
				got, err := Deliver(t.Context(), through(polled{p.open(t), watch}), edition(t, 2, size))
				if err != nil || !got.Renamed {
					t.Errorf("after call %d died: %+v, %v", most, got, err)
				}
				if there := files(t, p.folder); !slices.Equal(there, all) {
					t.Errorf("after call %d died: %v is there", most, there)
				}
				if b := watch.read("Appeal 1.mp3"); len(b) != size || b[0] != '2' {
					t.Errorf("after call %d died: %d bytes", most, len(b))
				}
				if most > 200 {
					t.Fatal("it never ends")
				}
			}
		}
	}
}

// noReplace is a site that renames no file to the name of another.
type noReplace struct{ Remote }

func (s noReplace) Rename(ctx context.Context, from, to string) error {
	there, err := s.Names(ctx)
	if err != nil {
		return err
	}
	if _, is := there[to]; is {
		return fmt.Errorf("it is there: %w", os.ErrExist)
	}
	return s.Remote.Rename(ctx, from, to)
}

func TestASiteThatRenamesNothingNeedsATrigger(t *testing.T) {
	p := ftpServer(t, "ftp", "cmds_denied=RNFR")
	watch := &poller{t: t, folder: p.folder, saw: map[byte]int{}}
	for n := 1; n <= 2; n++ {
		got, err := Deliver(t.Context(), p.open(t), edition(t, n, size))
		if err != nil || got.Renamed {
			t.Errorf("%+v, %v", got, err)
		}
		watch.look()
		if there := files(t, p.folder); !slices.Equal(there, all) || watch.took()[byte('0'+n)] != 1 {
			t.Errorf("%v is there: %v", there, watch.took())
		}
	}
	none := edition(t, 3, size)
	none.Name, none.Trigger, none.Beside = "Other.mp3", "", nil
	if _, err := Deliver(t.Context(), p.open(t), none); !fault.Is(err, fault.Conflict) || !fault.Lasts(err) {
		t.Errorf("without a trigger: %v", err)
	}
	if there := files(t, p.folder); !slices.Equal(there, all) {
		t.Errorf("%v is there", there)
	}
}

// lower is a site that knows names in small letters alone.
type lower struct{ Remote }

func (s lower) Write(ctx context.Context, name string, n int64, content io.ReadSeeker) error {
	return s.Remote.Write(ctx, strings.ToLower(name), n, content)
}

func (s lower) Rename(ctx context.Context, from, to string) error {
	return s.Remote.Rename(ctx, from, strings.ToLower(to))
}

func TestASiteThatFoldsNamesSaysUnderWhichTheFileIs(t *testing.T) {
	p := folder(t)
	for n := 1; n <= 2; n++ {
		got, err := Deliver(t.Context(), lower{p.open(t)}, edition(t, n, size))
		if err != nil || got.Name != "appeal 1.mp3" || got.Bytes == 0 {
			t.Errorf("%+v, %v", got, err)
		}
	}
	if got, err := Deliver(t.Context(), lower{p.open(t)}, edition(t, 2, size)); err != nil || got.Bytes != 0 {
		t.Errorf("again: %+v, %v", got, err)
	}
	if there := files(t, p.folder); len(there) != 4 {
		t.Errorf("%v is there", there)
	}
}

// takes is a site that takes a file away as soon as it has its name.
type takes struct {
	Remote
	took *[]string
}

func (s takes) Rename(ctx context.Context, from, to string) error {
	err := s.Remote.Rename(ctx, from, to)
	if to != "Appeal 1.mp3" || err != nil {
		return err
	}
	*s.took = append(*s.took, to)
	return s.Remove(ctx, to)
}

func TestASiteMayTakeAFileAtOnce(t *testing.T) {
	p, took := folder(t), []string{}
	got, err := Deliver(t.Context(), takes{p.open(t), &took}, edition(t, 1, size))
	if err != nil || !got.Taken || got.Name != "Appeal 1.mp3" || len(took) != 1 {
		t.Errorf("%+v, %v: it took %v", got, err, took)
	}
}

// keeps is a site that says that it renamed a file, and did not.
type keeps struct{ Remote }

func (keeps) Rename(context.Context, string, string) error { return nil }

func TestASiteThatOnlySaysThatItRenamesHasNotGotTheFile(t *testing.T) {
	p := folder(t)
	if got, err := Deliver(t.Context(), keeps{p.open(t)}, edition(t, 1, size)); !fault.Is(err, fault.Damaged) {
		t.Errorf("%+v, %v", got, err)
	}
}

// flips is a site that keeps other bytes than it gets.
type flips struct{ Remote }

func (s flips) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	in, err := s.Remote.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(in)
	if len(b) > 0 {
		b[len(b)/2] ^= 1
	}
	return io.NopCloser(bytes.NewReader(b)), errors.Join(err, in.Close())
}

func TestOtherBytesThanWereSentNeverGetTheFinalName(t *testing.T) {
	p := folder(t)
	if _, err := Deliver(t.Context(), flips{p.open(t)}, edition(t, 1, size)); !fault.Is(err, fault.Damaged) {
		t.Error(err)
	}
	if there := files(t, p.folder); len(there) > 0 {
		t.Errorf("%v is there", there)
	}
}

func TestACutLinkLeavesNothingHalf(t *testing.T) {
	s := harness.StartSFTP(t)
	for name, c := range map[string]struct {
		place
		first, apart int64 // bytes after which links are cut
	}{
		"sftp": {place{"sftp://radio@" + s.Address + s.Folder, s.Folder, Secrets{}}, 5_000, 19_000},
		"ftp":  {ftpServer(t, "ftp"), 100, 150}, // of the commands: the bytes of files have connections of their own
		"dav":  {dav(t), 500, 9_000},
	} {
		t.Run(name, func(t *testing.T) {
			p := c.place
			server := strings.Split(strings.SplitN(p.target, "@", 2)[1], "/")[0]
			link := harness.StartProxy(t, server)
			p.target = strings.Replace(p.target, server, link.Addr, 1)
			if name == "sftp" {
				p.with.Identity, p.with.KnownHosts = s.Identity, harness.KnownHosts(t, link.Addr, s.Host.PublicKey())
			}
			watch := &poller{t: t, folder: p.folder, saw: map[byte]int{}}
			cuts := 0
			for n := range int64(10) {
				link.CutAfter(c.first + n*c.apart)
				to, err := Open(t.Context(), p.target, p.with)
				if err != nil {
					cuts++
					continue
				}
				if _, err := Deliver(t.Context(), polled{to, watch}, edition(t, int(n)%2+1, size)); err != nil {
					cuts++
					if fault.Is(err, fault.Conflict) {
						t.Errorf("cut %d: %v", n, err)
					}
				}
				_ = to.Close() // the link may be dead
				watch.look()
			}
			if cuts < 3 || link.Cuts() < 3 {
				t.Errorf("%d deliveries failed, and %d links were cut", cuts, link.Cuts())
			}
			link.CutAfter(1 << 40)
			if got, err := Deliver(t.Context(), p.open(t), edition(t, 1, size)); err != nil || got.Name != "Appeal 1.mp3" {
				t.Errorf("%+v, %v", got, err)
			}
			if there := files(t, p.folder); !slices.Equal(there, all) {
				t.Errorf("%v is there", there)
			}
		})
	}
}

func TestAFullDiskKeepsTheFileBefore(t *testing.T) {
	harness.OnSmallDisk(t, "1m", func(t *testing.T, dir string) {
		s := harness.StartSFTP(t)
		p := place{"sftp://radio@" + s.Address + dir, dir,
			Secrets{Credentials: push.Credentials{KnownHosts: s.Known, Identity: s.Identity}}}
		watch := &poller{t: t, folder: dir, saw: map[byte]int{}}
		if _, err := Deliver(t.Context(), p.open(t), edition(t, 1, size)); err != nil {
			t.Fatal(err)
		}
		free := harness.FillDisk(t, dir)
		if _, err := Deliver(t.Context(), polled{p.open(t), watch}, edition(t, 2, size)); err == nil {
			t.Error("it was delivered to a full disk")
		}
		watch.look()
		if saw := watch.took(); saw['1'] == 0 || saw['2'] != 0 {
			t.Errorf("the poller saw %v", saw)
		}
		free()
		if _, err := Deliver(t.Context(), p.open(t), edition(t, 2, size)); err != nil {
			t.Error(err)
		}
		if there := files(t, dir); !slices.Equal(there, all) {
			t.Errorf("%v is there", there)
		}
	})
}

func TestASiteThatIsAnotherOrRefusesAccessGetsNothing(t *testing.T) {
	ssh, ftps, ftp, dav := ssh(t), ftpServer(t, "ftps", secured...), ftpServer(t, "ftp"), dav(t)
	ssh.with.KnownHosts = harness.KnownHosts(t, strings.Split(strings.Split(ssh.target, "@")[1], "/")[0],
		harness.NewSSHKey(t).PublicKey())
	ftps.with.Authorities = ""
	there := ftp
	ftp.target = strings.Replace(ftp.target, "anonymous", "somebody", 1)
	dav.with.Password = secretFile(t, "wrong")
	gone := folder(t)
	away := func(p place, with Secrets) place { return place{target: p.target + "/none", with: with} }
	open, reached := ssh, harness.StartSFTP(t)
	open.target = "sftp://radio@" + reached.Address + reached.Folder
	open.with.KnownHosts, open.with.Identity = reached.Known, reached.Identity
	for name, c := range map[string]struct {
		place
		kind fault.Kind
	}{
		"another host key":          {ssh, fault.Forbidden},
		"an unknown certificate":    {ftps, fault.Forbidden},
		"no access by FTP":          {ftp, fault.Forbidden},
		"another password":          {dav, fault.Forbidden},
		"no folder":                 {away(gone, gone.with), fault.NotFound},
		"no folder by SFTP":         {away(open, open.with), fault.NotFound},
		"no folder by FTP":          {away(there, there.with), fault.NotFound},
		"no folder by WebDAV":       {away(dav, Secrets{Password: there.with.Password}), fault.NotFound},
		"nobody there":              {place{target: "ftp://a@127.0.0.1:1/in", with: dav.with}, fault.Unavailable},
		"nobody there, by WebDAV":   {place{target: "dav+http://a@127.0.0.1:1/in", with: dav.with}, fault.Unavailable},
		"a password in the address": {place{target: "ftp://a:secret@127.0.0.1/in"}, fault.Invalid},
		"no user":                   {place{target: "ftp://127.0.0.1/in"}, fault.Invalid},
		"no password":               {place{target: "ftp://a@127.0.0.1/in"}, fault.Invalid},
		"another scheme":            {place{target: "gopher://a@127.0.0.1/in"}, fault.Invalid},
		"nothing":                   {place{}, fault.Invalid},
	} {
		s, err := Open(t.Context(), c.target, c.with)
		if !fault.Is(err, c.kind) || strings.Contains(fmt.Sprint(err), "secret") {
			t.Errorf("%s: %v", name, err)
		}
		if s != nil {
			t.Errorf("%s: it is open", name)
		}
	}
	if _, err := os.Stat(filepath.Join(gone.folder, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder was made: %v", err)
	}
	if err := Check(gone.target); err != nil {
		t.Error(err)
	}
}

func TestAnswersOfSitesAreToldFromDeadLinks(t *testing.T) {
	for err, want := range map[error]bool{
		&sftp.StatusError{Code: 3}: true, io.ErrUnexpectedEOF: false, errDead: false, context.Canceled: false,
		fault.Wrap(fault.Unavailable, os.ErrPermission, "x"): true,
	} {
		if Refused(err) != want {
			t.Errorf("%v: %v", err, !want)
		}
	}
}

//go:build unix

package harness

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// FTP is a real FTP server on a free loopback port. It takes any password of the user anonymous.
type FTP struct {
	Address     string
	Folder      string // an empty one, by the path that the server knows too
	Certificate string // file of its certificate
}

// StartFTP runs vsftpd with further settings. It stops with the test.
func StartFTP(t testing.TB, settings ...string) FTP {
	t.Helper()
	dir := t.TempDir()
	root := filepath.Join(dir, "root")
	s := FTP{Address: FreeAddress(t), Folder: filepath.Join(root, "in"), Certificate: filepath.Join(dir, "cert.pem")}
	for _, made := range []string{s.Folder, filepath.Join(dir, "empty")} {
		if err := os.MkdirAll(made, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	key := filepath.Join(dir, "key.pem")
	WriteCertificate(t, s.Certificate, key, "localhost")
	_, port, err := net.SplitHostPort(s.Address)
	if err != nil {
		t.Fatal(err)
	}
	lines := append([]string{"listen=YES", "listen_address=127.0.0.1", "listen_port=" + port, "background=NO",
		"run_as_launching_user=YES", "anonymous_enable=YES", "anon_root=" + root, "anon_upload_enable=YES",
		"anon_mkdir_write_enable=YES", "anon_other_write_enable=YES", "anon_world_readable_only=NO", "anon_umask=022",
		"write_enable=YES", "allow_writeable_chroot=YES", "seccomp_sandbox=NO", "xferlog_enable=NO",
		"secure_chroot_dir=" + filepath.Join(dir, "empty"), "rsa_cert_file=" + s.Certificate,
		"rsa_private_key_file=" + key}, settings...)
	file := filepath.Join(dir, "vsftpd.conf")
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	program, err := exec.LookPath("vsftpd")
	if err != nil {
		program = "/usr/sbin/vsftpd" // where users other than root do not look
	}
	var log bytes.Buffer
	cmd := exec.Command(program, file)
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	died := make(chan error, 1)
	go func() { died <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // fails only when it has died already
		<-died
	})
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for {
		conn, err := net.Dial("tcp", s.Address)
		if err == nil {
			_ = conn.Close()
			return s
		}
		select {
		case <-poll.C:
		case err := <-died:
			died <- err
			t.Fatalf("the FTP server died: %v\n%s", err, log.String())
		}
	}
}

package secret

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lifeline/internal/fault"
)

func TestASecretThatOthersMayReadIsRefusedWithItsCure(t *testing.T) {
	name := filepath.Join(t.TempDir(), "key")
	if err := Check(name); err != nil {
		t.Errorf("there is none: %v", err)
	}
	if err := os.WriteFile(name, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	for mode := range os.FileMode(0o200) {
		if err := os.Chmod(name, 0o600|mode); err != nil {
			t.Fatal(err)
		}
		b, err := Read(name)
		if loose := mode&0o077 != 0; loose != fault.Is(err, fault.Conflict) || loose != (b == nil) ||
			loose && !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("%04o: %q, %v", 0o600|mode, b, err)
		}
		if mended, err := Mend(name); err != nil || mended != (mode&0o077 != 0) {
			t.Errorf("%04o: mended %v, %v", 0o600|mode, mended, err)
		}
		if err := Check(name); err != nil {
			t.Errorf("%04o, mended: %v", 0o600|mode, err)
		}
	}
}

// Package pythontest finds the Python with which tests compare: other
// programs' readers of our files, and peers that are Python packages. It is
// the virtual environment that make tools fills from requirements.txt, or the
// interpreter that PCAPLINE_PYTHON names.
package pythontest

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// Interpreter returns the path of a Python that imports the modules. Without
// one, and in short tests, the test is skipped; in CI, where PCAPLINE_PYTHON names one, it fails.
func Interpreter(t testing.TB, modules ...string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("other programs are not compared with in short tests")
	}
	path, named := os.LookupEnv("PCAPLINE_PYTHON")
	if !named {
		_, self, _, _ := runtime.Caller(0)
		path = filepath.Join(filepath.Dir(self), "..", "..", ".venv", "bin", "python")
	}
	out, err := exec.Command(path, "-c", "import "+strings.Join(modules, ", ")).CombinedOutput()
	if err == nil {
		return path
	}
	if named && os.Getenv("CI") != "" {
		t.Fatalf("%s does not import %s: %v\n%s", path, strings.Join(modules, ", "), err, out)
	}
	t.Skipf("no Python with %s at %s: make tools makes one", strings.Join(modules, ", "), path)
	return ""
}

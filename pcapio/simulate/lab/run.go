package lab

import (
	"fmt"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Options say where a lab's files go and who captures.
type Options struct {
	Dir     string      // the capture comes into spool below it, what the tools said into logs; both exist
	Program string      // pcapline itself
	Notify  func(Event) // may be nil
}

// sensor is the name that the capture's files begin with.
func (o Options) sensor(p *Plan) string { return p.Name + strconv.FormatUint(p.Seed, 10) }

// Event is something that happened.
type Event struct {
	Kind string        // serving, attacked
	Host string        // on it, or from it
	Name string        // of the program, or the attack's label
	Took time.Duration // attacked
}

// Result is what came of a plan.
type Result struct {
	Plan    *Plan
	Truth   Truth
	Packets int64 // captured
	Dropped int64 // lost in capturing
	Errands int   // that were run
	Failed  int   // errands whose program did not end well
}

// MissingTools names the programs that a scenario needs and that are not here.
func MissingTools(s Scenario) error { return missing(s.Tools()) }

func missing(tools []Tool) error {
	var programs, packages []string
	for _, t := range tools {
		if _, err := exec.LookPath(t.Program); err != nil {
			programs = append(programs, t.Program)
			if t.Package != "" && !slices.Contains(packages, t.Package) {
				packages = append(packages, t.Package)
			}
		}
	}
	if programs == nil {
		return nil
	}
	return fmt.Errorf("not installed: %s; on Debian: apt-get install %s", strings.Join(programs, ", "), strings.Join(packages, " "))
}

// wordList is what attackers try as passwords and paths: words of two
// syllables, and at its end some of the web server's documents.
func wordList(seed uint64) string {
	r := rand.New(rand.NewPCG(seed, 1<<32))
	syllables := words("ba ce di fo gu ha ki lo mu ne pa qui ro su ti vo we xe ya zu")
	var b strings.Builder
	for range 400 {
		fmt.Fprintf(&b, "%s%s%d\n", syllables[r.IntN(len(syllables))], syllables[r.IntN(len(syllables))], r.IntN(100))
	}
	b.WriteString("index.html\nmembers\npage1.html\n")
	return b.String()
}

// tailOf is the end of what a program printed, on one line.
func tailOf(b []byte) string {
	const most = 400
	s := strings.Join(strings.Fields(string(b)), " ")
	if len(s) > most {
		s = "… " + s[len(s)-most:]
	}
	return s
}

package lab

// A Scenario is what a plan is drawn from. In its texts {NAME} stands for what
// the plan knows: a host's address by its role ({web}), {target}, {subnet},
// {seconds} (an attack's time), {run} (the folder in memory), {n} (a number
// drawn for each errand).
type Scenario struct {
	Name    string
	Servers []Server
	Attacks []Attack
	Habits  []Habit
	Clients int // hosts of users
}

// A Tool is a program and the Debian package that has it.
type Tool struct {
	Program, Package string
}

// A Server is a program that runs on a host of its own role for as long as the
// lab does. Servers of one role share a host.
type Server struct {
	Role    string
	Tool    Tool
	Ports   []int             // TCP ports that are open once it is ready
	Files   map[string]string // below {run}, written before it starts
	Prepare [][]string        // commands that come first
	Command []string
}

// An Attack is what an attacker's host does to a server's, or to all.
type Attack struct {
	Label    string // the class that its traffic gets
	Category string
	Tool     Tool
	Target   string   // role; empty: the whole subnet
	Protos   []string // of its conversations, as label rules name them
	Port     int      // of the target; 0: any
	Command  []string
	Clean    bool // the tool's exit status is 0 unless it was killed
}

// A Habit is an errand that users run again and again.
type Habit struct {
	Name    string
	Weight  int // how often, beside the others
	Tool    Tool
	Command []string
}

// Tools lists the programs that a scenario needs, each once.
func (s *Scenario) Tools() (all []Tool) {
	seen := map[string]bool{}
	add := func(t Tool) {
		if t.Program != "" && !seen[t.Program] {
			seen[t.Program] = true
			all = append(all, t)
		}
	}
	add(Tool{"ip", "iproute2"})
	for _, x := range s.Servers {
		add(x.Tool)
	}
	for _, x := range s.Attacks {
		add(x.Tool)
	}
	for _, x := range s.Habits {
		add(x.Tool)
	}
	return all
}

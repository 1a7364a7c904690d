package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// engineCorpus is captures, a configuration that cuts them into several shards,
// and the lake that one machine makes of them.
func engineCorpus(t *testing.T) (dir string, want map[string]string) {
	t.Helper()
	dir = t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "captures"), 0o750); err != nil {
		t.Fatal(err)
	}
	for _, n := range []string{"scan_udp", "web_xss", "scan_sweep"} {
		data, err := os.ReadFile(filepath.Join("..", "..", "testdata", "lab", n+".pcapng.zst"))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "captures", n+".pcapng.zst"), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "batch.yaml"), []byte("shard: 100kB\npackets:\n  payload: none\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	shell(t, dir, nil, "pcapline", "-q", "batch", "--corpus", filepath.Join(dir, "captures"), "--out", filepath.Join(dir, "one"), "--config", filepath.Join(dir, "batch.yaml"))
	return dir, tree(t, filepath.Join(dir, "one"))
}

// shell runs a command that must succeed and gives its standard output.
func shell(t *testing.T, dir string, env []string, args ...string) string {
	t.Helper()
	c := exec.Command(args[0], args[1:]...)
	var out, log bytes.Buffer
	c.Dir, c.Env, c.Stdout, c.Stderr = dir, append(os.Environ(), env...), &out, &log
	if err := c.Run(); err != nil {
		t.Fatalf("%s: %v\n%s%s", strings.Join(args, " "), err, out.String(), log.String())
	}
	return out.String()
}

// TestParallelAndSlurm runs the scripts: GNU parallel itself, where it is
// installed, and a stand-in for sbatch that does the array's jobs backwards.
func TestParallelAndSlurm(t *testing.T) {
	dir, want := engineCorpus(t)
	const sbatch = `#!/bin/sh
for a; do
	case $last in --array) array=$a ;; --wrap) job=$a ;; esac
	last=$a
done
n=${array#1-}
for i in $(seq "${n%\%*}" -1 1); do SLURM_ARRAY_TASK_ID=$i sh -c "$job" >/dev/null || exit 1; done
`
	bin := filepath.Join(dir, "bin")
	if err := errors.Join(os.Mkdir(bin, 0o750), os.WriteFile(filepath.Join(bin, "sbatch"), []byte(sbatch), 0o700)); err != nil { //nolint:gosec // it is a program
		t.Fatal(err)
	}
	for _, script := range []string{"parallel.sh", "slurm.sh"} {
		t.Run(script, func(t *testing.T) {
			if _, err := exec.LookPath("parallel"); err != nil && script == "parallel.sh" {
				t.Skip("GNU parallel is not installed")
			}
			path, err := filepath.Abs(filepath.Join("engines", script))
			if err != nil {
				t.Fatal(err)
			}
			lake := filepath.Join(dir, script+".lake")
			env := []string{"PATH=" + bin + ":" + os.Getenv("PATH")}
			run := []string{path, lake, "--corpus", filepath.Join(dir, "captures"), "--config", filepath.Join(dir, "batch.yaml")}
			shell(t, dir, env, run...)
			sameTrees(t, tree(t, lake), want)
			shell(t, dir, env, run...) // nothing new
		})
	}
}

// job is what the test reads of a manifest of Kubernetes.
type job struct {
	Kind     string `yaml:"kind"`
	Metadata struct {
		Name string `yaml:"name"`
	} `yaml:"metadata"`
	Spec jobSpec `yaml:"spec"`
}

type jobSpec struct {
	JobTemplate struct {
		Spec *jobSpec `yaml:"spec"`
	} `yaml:"jobTemplate"`
	CompletionMode   string `yaml:"completionMode"`
	PodFailurePolicy struct {
		Rules []struct {
			Action      string `yaml:"action"`
			OnExitCodes struct {
				ContainerName string `yaml:"containerName"`
				Operator      string `yaml:"operator"`
				Values        []int  `yaml:"values"`
			} `yaml:"onExitCodes"`
			OnPodConditions []struct {
				Type string `yaml:"type"`
			} `yaml:"onPodConditions"`
		} `yaml:"rules"`
	} `yaml:"podFailurePolicy"`
	Template struct {
		Spec struct {
			RestartPolicy string `yaml:"restartPolicy"`
			Containers    []struct {
				Name    string   `yaml:"name"`
				Command []string `yaml:"command"`
				Args    []string `yaml:"args"`
			} `yaml:"containers"`
		} `yaml:"spec"`
	} `yaml:"template"`
}

func kubernetesJobs(t *testing.T) []job {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("engines", "kubernetes.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var jobs []job
	d := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var j job
		if err := d.Decode(&j); err != nil {
			break
		}
		if j.Spec.JobTemplate.Spec != nil {
			j.Spec = *j.Spec.JobTemplate.Spec
		}
		jobs = append(jobs, j)
	}
	if len(jobs) != 4 {
		t.Fatalf("%d jobs", len(jobs))
	}
	return jobs
}

// TestKubernetesPolicies: rules name exit codes that there are, which mean that
// trying again is of no use, and only what the API takes.
func TestKubernetesPolicies(t *testing.T) {
	for _, j := range kubernetesJobs(t) {
		pod := j.Spec.Template.Spec
		for _, r := range j.Spec.PodFailurePolicy.Rules {
			if !slices.Contains([]string{"Ignore", "FailJob", "FailIndex", "Count"}, r.Action) || pod.RestartPolicy != "Never" {
				t.Errorf("%s: action %s with restart policy %s", j.Metadata.Name, r.Action, pod.RestartPolicy)
			}
			if len(r.OnPodConditions) > 0 && r.OnPodConditions[0].Type != "DisruptionTarget" {
				t.Errorf("%s: condition %s", j.Metadata.Name, r.OnPodConditions[0].Type)
			}
			codes := r.OnExitCodes
			if len(r.OnPodConditions) == 0 && (codes.ContainerName != pod.Containers[0].Name || codes.Operator != "In") {
				t.Errorf("%s: %+v is of no container", j.Metadata.Name, codes)
			}
			for _, code := range codes.Values {
				if code != exitUsage && code != exitGate {
					t.Errorf("%s: status %d ends the job, but may be another the next time", j.Metadata.Name, code)
				}
			}
		}
	}
}

// TestKubernetesSchema holds the manifests against Kubernetes' own schemas.
func TestKubernetesSchema(t *testing.T) {
	python := pythonWith(t, "kubernetes_validate")
	out, err := exec.Command(python, "-m", "kubernetes_validate", "--strict", filepath.Join("engines", "kubernetes.yaml")).CombinedOutput()
	if err != nil || bytes.Count(out, []byte("passed")) != 4 {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestKubernetesJobs runs the containers' commands as the pods would, shards
// last first and one of them twice, for the bytes of one machine.
func TestKubernetesJobs(t *testing.T) {
	dir, want := engineCorpus(t)
	jobs := kubernetesJobs(t)
	var planned struct {
		Plan   string `json:"plan"`
		Shards int    `json:"shards"`
	}
	pod := func(j job, index int) string {
		c := j.Spec.Template.Spec.Containers[0]
		var args []string
		for _, a := range slices.Concat(c.Command, c.Args) {
			a = strings.ReplaceAll(a, "/data", dir)
			a = strings.ReplaceAll(a, "PLAN", planned.Plan)
			args = append(args, strings.ReplaceAll(a, "$(JOB_COMPLETION_INDEX)", strconv.Itoa(index)))
		}
		return shell(t, dir, nil, args...)
	}
	if err := json.Unmarshal([]byte(pod(jobs[1], 0)), &planned); err != nil || planned.Shards < 2 {
		t.Fatalf("%+v, %v", planned, err)
	}
	if jobs[2].Spec.CompletionMode != "Indexed" {
		t.Errorf("completion mode %s", jobs[2].Spec.CompletionMode)
	}
	for i := planned.Shards - 1; i >= 0; i-- {
		pod(jobs[2], i)
	}
	pod(jobs[2], 0)
	pod(jobs[3], 0)
	sameTrees(t, tree(t, filepath.Join(dir, "lake")), want)
	pod(jobs[0], 0) // the nightly one finds nothing new
	sameTrees(t, tree(t, filepath.Join(dir, "lake")), want)
}

// pythonWith gives a Python that has the modules, or skips the test.
func pythonWith(t *testing.T, modules string) string {
	t.Helper()
	python, named := os.LookupEnv("PCAPLINE_PYTHON")
	if !named {
		python = filepath.Join("..", "..", ".venv", "bin", "python")
	}
	if out, err := exec.Command(python, "-c", "import "+modules).CombinedOutput(); err != nil {
		if named && os.Getenv("CI") != "" {
			t.Fatalf("%s: %v\n%s", python, err, out)
		}
		t.Skipf("no Python with %s at %s: make tools makes one", modules, python)
	}
	return python
}

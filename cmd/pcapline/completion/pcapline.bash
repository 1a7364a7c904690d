# Completion of pcapline's commands, flags and files for bash. The program
# itself lists what may come next; files are completed where nothing of it fits.
_pcapline() {
	local word=${COMP_WORDS[COMP_CWORD]} words
	words=("${COMP_WORDS[@]:0:COMP_CWORD}")
	[[ $word == -* ]] && words+=("$word")
	mapfile -t COMPREPLY < <(compgen -W "$("${words[@]}" --generate-bash-completion 2>/dev/null)" -- "$word")
	if [[ ${#COMPREPLY[@]} == 0 ]]; then
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		compopt -o filenames 2>/dev/null
	fi
}
complete -F _pcapline pcapline

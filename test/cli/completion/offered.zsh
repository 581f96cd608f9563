# Prints what a real interactive zsh offers for each line: offered.zsh SCRIPT LINE... Ends each list with a line "END".
zmodload zsh/zpty
hits=$PWD/hits
zpty z zsh -f -i
zpty -w z "PS1=''; autoload -Uz compinit; compinit -u -D; source $1"
# Every match goes through compadd; with -O, -A and -D it only fills arrays.
zpty -w z "function compadd { if [[ \${@[1,(i)(-|--)]} == *-(O|A|D)\\ * ]]; then builtin compadd \"\$@\"; return \$?; fi
  typeset -a __hits; builtin compadd -O __hits \"\$@\"; (( \$#__hits )) && print -rl -- \$__hits >> $hits; builtin compadd \"\$@\" }"
zpty -w z "function ended { print END >> $hits; comppostfuncs=(ended) }; comppostfuncs=(ended)"
zpty -w z 'print REA""DY'
zpty -r z out '*READY*'
shift
for line; do
  rm -f $hits
  zpty -w -n z "$line"$'\t'
  for ((n = 0; n < 400; n++)); do
    [[ -e $hits && "$(tail -n 1 $hits)" == END ]] && break
    sleep 0.05
  done
  cat $hits || print END
  zpty -w -n z $'\x15' # Ctrl-U
done
zpty -d z

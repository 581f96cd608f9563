import { expect, test } from 'vitest'
import { shownTexts } from '../../../src/systemd/operate/property-text.ts'
import { shownProperties, shownWords } from '../../../src/systemd/operate/systemctl-show.ts'

test('splits lists that systemctl has quoted', () => {
  const text = `A=1 "B=x y" "C=it\\"s" "D=\\$z" "E=tab\\there" $'F=it\\'s' plain`
  expect(shownWords(text)).toEqual(['A=1', 'B=x y', 'C=it"s', 'D=$z', 'E=tab\there', "F=it's", 'plain'])
})

test('the known properties have the same types as over D-Bus, multi-line values too', () => {
  const text = `Id=a.service
ExecStart={ path=/bin/sh ; argv[]=/bin/sh -c echo a ; echo b ; ignore_errors=no ; start_time=[n/a] ; stop_time=[n/a] ; pid=0 ; code=(null) ; status=0/0 }
ExecStart={ path=/bin/b ; argv[]=/bin/b
c ; ignore_errors=yes ; start_time=[n/a] ; stop_time=[n/a] ; pid=0 ; code=exited ; status=1 }
MemoryCurrent=[not set]
MainPID=17
ConditionResult=yes
EnvironmentFiles=/etc/a b (ignore_errors=no)
EnvironmentFiles=/etc/c (ignore_errors=yes)
Unknown=1
`
  expect(shownProperties(text)).toEqual({
    Id: 'a.service',
    ExecStart: [
      ['', '/bin/sh -c echo a ; echo b'],
      ['', '/bin/b\nc'],
    ],
    MemoryCurrent: null,
    MainPID: 17,
    ConditionResult: true,
    EnvironmentFiles: [
      ['/etc/a b', false],
      ['/etc/c', true],
    ],
  })
})

test('times become microseconds, unset values infinity; structured properties are left out', () => {
  const text = `TimeoutStartUSec=1min 30s
RestartUSec=100ms
JobTimeoutUSec=infinity
ActiveEnterTimestamp=Thu 2026-11-26 15:28:57.034505 UTC
InactiveExitTimestamp=n/a
MemoryMax=18446744073709551615
UID=[not set]
ExecStart={ path=/bin/a }
ExecMainPID=3
Job=7
`
  expect(shownTexts(text)).toEqual({
    TimeoutStartUSec: '90000000',
    RestartUSec: '100000',
    JobTimeoutUSec: 'infinity',
    ActiveEnterTimestamp: '1795706937034505',
    InactiveExitTimestamp: '0',
    MemoryMax: 'infinity',
    UID: 'infinity',
    ExecMainPID: '3',
  })
})

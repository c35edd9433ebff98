import type { Interface } from './interfaces.ts';

/** What is done when Windows first starts on KVM. */
export interface FirstStart {
  readonly nics: readonly { readonly mac: string; readonly from: Interface }[];
  /** File name of the guest agent's installer, beside the script. */
  readonly agent?: string;
  /** VMware Tools, as their installer calls them. */
  readonly toolsProduct?: string;
}

/** The service that runs the script, while it has work. */
export const service = 'tranship-first-start';
export const scriptName = 'first-start.cmd';
/** Starts after which it gives up. */
const maxStarts = 5;
const [waits, pauseSeconds] = [60, 5];

/**
 * A batch file: no PowerShell, and nothing that asks the DHCP client. A NIC on KVM is a new interface to Windows: what
 * the registry holds for the old one is copied to it, by the MAC that both have. Windows reads that at its next start.
 * Each part may run again: it is done at most once.
 */
export function firstStartScript({ nics, agent, toolsProduct }: FirstStart): string {
  const bare = (mac: string) => mac.replaceAll(':', '').toUpperCase();
  return [
    ...head,
    ...nics.map(({ mac, from }) => `call :nic ${bare(mac)} ${from.id} ${from.luid ?? 'none'}`),
    ...restart,
    ...(agent === undefined ? [] : agentLines(agent)),
    ...(toolsProduct === undefined ? [] : toolsLines(toolsProduct)),
    ...end,
    ...nicRoutine,
    ...nameRoutine,
    ...findRoutine,
    ...storeRoutine,
    '',
  ].join('\r\n');
}

const head = [
  '@echo off',
  'setlocal EnableExtensions EnableDelayedExpansion',
  'set "here=%~dp0"',
  'set "set=HKLM\\SYSTEM\\CurrentControlSet"',
  'set "class={4d36e972-e325-11ce-bfc1-08002be10318}"',
  'set "changed="',
  'set "missed="',
  'set /a starts=0',
  'for /f "usebackq" %%n in ("%here%starts.txt") do set /a starts=%%n',
  'set /a starts+=1',
  '>"%here%starts.txt" echo %starts%',
  '>>"%here%log.txt" 2>&1 (',
  '  echo start %starts% %date% %time%',
  `  if not exist "%here%drivers.done" pnputil.exe /add-driver "%SystemRoot%\\Drivers\\VirtIO\\*.inf" /install`,
  '  echo done>"%here%drivers.done"',
  ')',
];

const restart = ['if defined changed (', '  shutdown.exe /r /t 5 /d p:2:4', '  exit /b 0', ')'];

const agentLines = (agent: string) => [
  'if not exist "%here%agent.done" (',
  `  start "" /wait msiexec.exe /i "%here%${agent}" /qn /norestart /l "%here%agent.log"`,
  '  if not errorlevel 1 echo done>"%here%agent.done"',
  '  if errorlevel 3010 echo done>"%here%agent.done"',
  '  if not exist "%here%agent.done" set "missed=agent"',
  ')',
];

const toolsLines = (product: string) => [
  'if not exist "%here%tools.done" (',
  `  start "" /wait msiexec.exe /x ${product} /qn /norestart REBOOT=ReallySuppress /l "%here%tools.log"`,
  '  echo done>"%here%tools.done"',
  ')',
];

const end = [
  `if %starts% geq ${maxStarts} set "missed="`,
  'if not defined missed (',
  '  echo done>"%here%done.txt"',
  `  sc.exe delete ${service}>>"%here%log.txt" 2>&1`,
  ')',
  'exit /b 0',
  '',
];

/** :nic MAC OLD-ID OLD-LUID */
const nicRoutine = [
  ':nic',
  'if exist "%here%%1.done" exit /b 0',
  'set "id="',
  `for /l %%i in (1,1,${waits}) do if not defined id (`,
  '  call :find %1',
  `  if not defined id ping.exe -n ${pauseSeconds + 1} 127.0.0.1 >nul`,
  ')',
  'if not defined id (',
  '  >>"%here%log.txt" echo no virtio NIC %1',
  '  set "missed=nic"',
  '  exit /b 0',
  ')',
  '>>"%here%log.txt" 2>&1 (',
  '  for %%s in (Tcpip\\Parameters\\Interfaces\\ Tcpip6\\Parameters\\Interfaces\\ NetBT\\Parameters\\Interfaces\\Tcpip_ Dnscache\\InterfaceSpecificParameters\\) do (',
  '    reg.exe query "%set%\\Services\\%%s%2" >nul && reg.exe copy "%set%\\Services\\%%s%2" "%set%\\Services\\%%s!id!" /s /f',
  '  )',
  '  call :name %2',
  '  if not "%3"=="none" call :stores %3',
  ')',
  'echo %id%>"%here%%1.done"',
  'set "changed=yes"',
  'exit /b 0',
  '',
];

/** :name OLD-ID: what the connection was called, of which there may be any letters: the key is copied but for which device it is of. */
const nameRoutine = [
  ':name',
  'set "of=%set%\\Control\\Network\\%class%"',
  'set "device="',
  'for /f "tokens=2,*" %%a in (\'reg.exe query "%of%\\%id%\\Connection" /v PnpInstanceID ^| findstr.exe REG_SZ\') do set "device=%%b"',
  'if not defined device exit /b 0',
  'reg.exe copy "%of%\\%1\\Connection" "%of%\\%id%\\Connection" /s /f',
  'reg.exe add "%of%\\%id%\\Connection" /v PnpInstanceID /t REG_SZ /d "%device%" /f',
  'exit /b 0',
  '',
];

/** :find MAC: the interface of a virtio NIC with this MAC, in `id`; where the driver has its key, in `driver`. */
const findRoutine = [
  ':find',
  'for /f "delims=" %%k in (\'reg.exe query "%set%\\Control\\NetworkSetup2\\Interfaces" /s /f %1 /d /e ^| findstr.exe /i /e "\\\\Kernel"\') do (',
  '  set "key=%%k"',
  '  set "key=!key:*\\Interfaces\\=!"',
  '  call :virtio !key:~0,38!',
  ')',
  'exit /b 0',
  '',
  ':virtio',
  'for /f "delims=" %%k in (\'reg.exe query "%set%\\Control\\Class\\%class%" /s /f %1 /d /e ^| findstr.exe /i /b HKEY_\') do (',
  '  reg.exe query "%%k" /v MatchingDeviceId 2>nul | findstr.exe /i "ven_1af4" >nul && set "id=%1" && set "driver=%%k"',
  ')',
  'exit /b 0',
  '',
];

/** :stores OLD-LUID: what the IP stack itself keeps of an interface, addresses of IPv6 and routes, under the new one's LUID. */
const storeRoutine = [
  ':stores',
  'set "index="',
  'for /f "tokens=3" %%v in (\'reg.exe query "%driver%" /v NetLuidIndex ^| findstr.exe REG_DWORD\') do set /a index=%%v',
  'if not defined index exit /b 0',
  'set "digits=0123456789abcdef"',
  'set "luid=000000"',
  'for %%s in (0 8 16) do (',
  '  set /a "high=(index >> (%%s + 4)) & 15, low=(index >> %%s) & 15"',
  '  for /f "tokens=1,2" %%h in ("!high! !low!") do set "luid=!luid!!digits:~%%h,1!!digits:~%%i,1!"',
  ')',
  'set "luid=%luid%0600"',
  'for %%f in (00 01) do for %%t in (10 16) do (',
  '  set "store=%set%\\Control\\Nsi\\{eb004a%%f-9b1a-11d4-9123-0050047759bc}\\%%t"',
  '  for /f "tokens=1,3" %%a in (\'reg.exe query "!store!" 2^>nul ^| findstr.exe /i "%1" ^| findstr.exe REG_BINARY\') do (',
  '    set "name=%%a"',
  '    set "data=%%b"',
  '    reg.exe add "!store!" /v "!name:%1=%luid%!" /t REG_BINARY /d "!data:%1=%luid%!" /f',
  '  )',
  ')',
  'exit /b 0',
];
